# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The package's folders of robots and capabilities, found by scanning for their ``scenario.py``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from importlib.util import find_spec
from types import ModuleType

import neuro_control

# Its scenario.py says what a scenario is, and offers none.
_FRAME = "cli"


def folders() -> Iterator[ModuleType]:
    """``scenario.py`` of each folder of this package that has one, in the order of their names."""
    for found in pkgutil.iter_modules(neuro_control.__path__):
        name = f"neuro_control.{found.name}.scenario"
        if found.ispkg and found.name != _FRAME and find_spec(name) is not None:
            yield importlib.import_module(name)
