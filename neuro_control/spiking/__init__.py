# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Spiking neurons, synapses and encoders as pure functions on arrays: state in, state out."""
