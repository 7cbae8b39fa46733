# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether a node may move its robot, and what keeps it safe when something goes wrong."""
