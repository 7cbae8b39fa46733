# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Data sets: moments at random, captioned pictures, corrections, and recorded episodes."""
