# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Group controllers of ros2_control in place of joint_commands."""
