# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Altitude control of a blimp: a PID, and the spiking networks that do its work."""
