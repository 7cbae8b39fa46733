# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recorded episodes: QUARD's layout, LeRobot's, and as data to be trained on."""
