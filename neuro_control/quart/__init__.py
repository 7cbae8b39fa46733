# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""QUART: a policy that sees and reads, and commands a quadruped how to walk."""
