# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Places: ensembles of spiking experts that recognise where a camera is (arXiv 2209.08723)."""
