# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command ``neuro-control``: scenarios, options, reports and the frame of experiments."""
