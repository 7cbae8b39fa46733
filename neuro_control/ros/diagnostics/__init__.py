# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What nodes say of themselves: state, timing, topics, remarks."""
