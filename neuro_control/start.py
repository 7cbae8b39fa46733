# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How an executable of this package starts: Ctrl-C and a missing library end it with one line."""

from __future__ import annotations

import importlib
import signal
import sys


def start(module: str) -> None:
    """Run ``main`` of a module of this package.

    A library that a ROS 2 distribution does not bring, as safetensors, ends the process with one
    line that says how to get it.
    """
    # Until the module handles it, Ctrl-C ends the process without a traceback of half an import.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        main = importlib.import_module(module).main
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "neuro_control":
            raise
        print(
            f"error: the Python library {error.name} is missing: install neuro_control's "
            "dependencies by `pip install -r requirements-distribution.txt` into an environment "
            "that sees the ROS 2 distribution, as `make demo` does",
            file=sys.stderr,
        )
        raise SystemExit(1) from None
    main()
