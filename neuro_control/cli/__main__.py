# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""``python -m neuro_control.cli``: the command, where its script is not on the path."""

from neuro_control.cli.main import main

# Processes that are spawned import this file once more.
if __name__ == "__main__":
    main()
