# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the training of every robot shares: optimisers, evolution, where the work is done."""
