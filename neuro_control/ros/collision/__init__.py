# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Velocity commands that mind what range sensors see, for every robot that obeys ``cmd_vel``."""
