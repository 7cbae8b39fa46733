# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Biologically inspired robot controllers as ROS 2 nodes, simulated in MuJoCo.

Importing the package loads nothing: environments are registered by ``neuro_control.envs``.
"""

from neuro_control import moved

moved.install()
