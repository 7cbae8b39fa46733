# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The experts of the paper: conductance-based neurons that learn by STDP."""
