# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Descriptions of simulated robots in the formats of other programs."""
