# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures, films and figures of a policy at work."""
