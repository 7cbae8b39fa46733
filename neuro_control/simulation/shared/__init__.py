# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Several robots in one world, under one clock."""
