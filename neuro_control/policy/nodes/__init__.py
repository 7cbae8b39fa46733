# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""ROS 2 nodes: no MuJoCo, no control law."""
