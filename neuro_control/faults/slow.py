# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Controllers whose steps take too long: ``slow:CLASS`` is the subjects' node ``MODULE:CLASS``."""

from __future__ import annotations

import importlib
import time
from typing import Any

from neuro_control.faults.subject import find_subjects

# How long a step computes in vain, s, and one step of how many does.
_LONG, _EVERY = 0.3, 5


def __getattr__(name: str) -> type[Any]:
    for subject in find_subjects().values():
        module, _, kind = subject.node.partition(":")
        if kind == name:
            return _slowed(getattr(importlib.import_module(module), kind))
    raise AttributeError(name)


def _slowed(kind: type[Any]) -> type[Any]:
    class Slow(kind):  # type: ignore[misc]  # a class that is known only now
        """The controller, some of whose steps hold Python's lock for longer than its period."""

        _steps = 0

        def step(self, observation: Any) -> Any:
            self._steps += 1
            deadline = time.monotonic() + (_LONG if self._steps % _EVERY == 0 else 0.0)
            while time.monotonic() < deadline:
                pass
            return super().step(observation)

    return Slow
