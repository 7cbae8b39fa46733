# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recordings of messages as other tools of ROS 2 read them: MCAP files out, bags in."""
