# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A robot's description and the frames of its links, for whoever looks at it."""
