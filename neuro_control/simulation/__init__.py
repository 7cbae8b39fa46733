# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The MuJoCo world behind topics: world, effects, node, cameras, recording and rendering."""
