# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rollout, metrics, experiments, figures and benchmark."""
