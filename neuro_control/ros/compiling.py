# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tells a user who waits that a node compiles its control law."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any


@contextmanager
def announced(announce: Callable[[str], Any]) -> Iterator[None]:
    """Call ``announce`` with a sentence when Numba begins to compile within the block.

    Numba keeps what it has compiled in a cache, so that this happens once per machine.
    """
    # A node whose modules need no Numba does not wait for its import either.
    with _listening(announce) if "numba" in sys.modules else nullcontext():
        yield


def _listening(announce: Callable[[str], Any]) -> Any:
    from numba.core import event

    class Listener(event.Listener):  # type: ignore[misc]  # Numba is untyped
        """Announces the first of many functions."""

        said = False

        def on_start(self, event: Any) -> None:  # as Listener has it
            if not self.said:
                self.said = True
                announce("compiling the control law, once per machine…")

        def on_end(self, event: Any) -> None:
            """The next function may follow."""

    return event.install_listener("numba:compile", Listener())
