# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The Unitree Go2: its messages, transports, rules and driver, and a simulated one."""
