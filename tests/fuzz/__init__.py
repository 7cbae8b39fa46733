# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Fuzzing of what the package reads: bytes under atheris, and messages at the nodes' boundaries.

``python -m tests.fuzz --help`` says how; docs/results/safety.md has what was found.
"""
