# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Control law: arrays in, arrays out; no ROS, MuJoCo or Gymnasium."""
