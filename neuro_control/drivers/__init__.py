# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Real hardware behind the topics that the simulation offers: a lidar, motors and a servo."""
