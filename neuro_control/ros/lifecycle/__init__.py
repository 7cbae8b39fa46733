# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Nodes that are configured and activated, and who does it."""
