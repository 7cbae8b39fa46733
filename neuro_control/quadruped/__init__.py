# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Walking on four legs: a gait layer that obeys the walk-these-ways command."""
