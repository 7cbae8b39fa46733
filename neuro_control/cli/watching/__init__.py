# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Commands and options by which a run is recorded, replayed and looked at."""
