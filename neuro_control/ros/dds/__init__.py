# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""DDS beside ROS: this process as a participant of its own, through Cyclone DDS."""
