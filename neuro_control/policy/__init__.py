# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Policies that were trained elsewhere, as nodes, by a table of what goes in and out."""
