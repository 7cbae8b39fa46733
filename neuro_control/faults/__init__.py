# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The fault matrix and the soak test: nodes in processes of their own, driven through real topics.

Nothing here knows a robot. A robot's ``evaluation/faults.py`` declares its nodes as ``Subject``:
the streams that each receives, and what is safe.
"""
