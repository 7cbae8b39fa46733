# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A live view of a robot: its body, its cameras, its paths, and what its networks do."""
