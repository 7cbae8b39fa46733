# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The one exception that carries a message meant for whoever runs the program."""


class ConfigurationError(ValueError):
    """What a user asked for cannot be done.

    The message is one sentence: what was wrong, then what would be right. Programs print it
    without a traceback.
    """
