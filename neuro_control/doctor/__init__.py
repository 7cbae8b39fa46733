# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Checks of a machine, its networks and a robot's devices, each with what mends it.

A robot's folder offers its own in its ``scenario.py``, as ``DOCTORS`` by name.
"""
