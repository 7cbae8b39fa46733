# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Modules that were documented under another name before 0.2: importable with a warning.

They go with release 0.3. CHANGELOG.md says what to write instead.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    f"neuro_control.{old}": f"neuro_control.{new}"
    for old, new in {
        "blimp.env": "blimp.simulation.env",
        "places.route": "places.simulation.route",
        "quadruped.camera": "quadruped.simulation.camera",
        "quadruped.command": "quadruped.control.command",
        "quadruped.course": "quart.simulation.course",
        "quadruped.simulation.course": "quart.simulation.course",
        "quadruped.env": "quadruped.simulation.env",
        "quadruped.model": "quadruped.simulation.model",
        "ros.simulation": "simulation.node",
        "scenarios": "cli.scenario",
        "swimmer.circuit": "swimmer.control.circuit",
        "swimmer.env": "swimmer.simulation.env",
        "swimmer.report": "swimmer.evaluation.report",
        "world": "simulation.world",
    }.items()
}


class _Alias(Loader):
    """Gives the module of a new name for an old one."""

    def __init__(self, name: str) -> None:
        self._name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec  # the import system had put the old name's there


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        new = MOVED.get(fullname)
        if new is None:
            return None
        # Of this category, since users of a model's name in a parameter file should see it, too.
        warnings.warn(f"{fullname} is now {new}", FutureWarning, stacklevel=2)
        return ModuleSpec(fullname, _Alias(new))


def install() -> None:
    """Accept the old names from now on."""
    sys.meta_path.append(_Finder())
