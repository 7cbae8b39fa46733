# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which functions a parameter file may name as the simulation's model: those registered, no other.

A parameter file comes from anywhere, and must not be able to call ``os:system``. A folder of this
package registers its functions as ``MODELS`` in its ``scenario.py``; another package does by the
entry point

    [options.entry_points]
    neuro_control.models =
        fish = my_package.world:fish
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from neuro_control.folders import folders
from neuro_control.moved import MOVED

GROUP = "neuro_control.models"
# Makes one world of those of several robots, whichever they are.
_SHARED = "neuro_control.simulation.shared.world:world"


@cache
def registered_models() -> tuple[str, ...]:
    """``module:function`` of every function that makes a world and may be named by a user."""
    own = [name for folder in folders() for name in getattr(folder, "MODELS", ())]
    return (_SHARED, *own, *(entry.value for entry in entry_points(group=GROUP)))


def is_registered(name: str) -> bool:
    """Whether ``module:function`` is registered, under today's name or a module's earlier one."""
    module, _, function = name.partition(":")
    return f"{MOVED.get(module, module)}:{function}" in registered_models()
