# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What all nodes share: messages, parameters, inputs, safety, diagnostics, lifecycle, processes."""
