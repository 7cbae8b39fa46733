# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tells a user who waits that a node compiles its control law."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

# Time between two lines that say how far it is, s.
_REPEAT = 5.0


@contextmanager
def announced(announce: Callable[[str], Any]) -> Iterator[None]:
    """Call ``announce`` with a sentence when Numba begins to compile within the block.

    Further sentences say every few seconds how far it is. Numba keeps what it has compiled in a
    cache, so that this happens once per machine.
    """
    # A node whose modules need no Numba does not wait for its import either.
    with _listening(announce) if "numba" in sys.modules else nullcontext():
        yield


def _listening(announce: Callable[[str], Any]) -> Any:
    from numba.core import event

    class Listener(event.Listener):  # type: ignore[misc]  # Numba is untyped
        """Announces the first of many functions, and then how many there were so far."""

        begun = said = 0.0
        functions = 0

        def on_start(self, event: Any) -> None:  # as Listener has it
            now = time.monotonic()
            if not self.begun:
                self.begun = self.said = now
                announce("compiling the control law, once per machine…")
            elif now - self.said >= _REPEAT:
                self.said = now
                announce(f"still compiling: {self.functions} functions in {now - self.begun:.0f} s")

        def on_end(self, event: Any) -> None:
            """Count it; the next function may follow."""
            self.functions += 1

    return event.install_listener("numba:compile", Listener())
