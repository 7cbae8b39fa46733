# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Progress of long work: one bar for all commands, on terminals only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from neuro_control.cli.output import remarks


class Show(Protocol):
    """What ``progress`` gives."""

    def __call__(self, done: float, total: float | None = None) -> None:
        """Show how much is done; the total may become known on the way."""


@contextmanager
def progress(what: str, total: float | None = None, unit: str = "") -> Iterator[Show]:
    """A bar while the block runs; the function that it gives updates it.

    Args:
        what: The work, such as "simulating".
        total: How much there is to do; None if nobody knows (yet).
        unit: What is counted, such as "s" or "generations".
    """
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=remarks,
        transient=True,
        disable=not remarks.is_terminal,
    ) as bar:
        task = bar.add_task(what, total=total, count="")

        def show(done: float, total: float | None = total) -> None:
            end = "" if total is None else f" of {_text(total)}"
            count = f"{_text(done)}{end} {unit}".rstrip()
            bar.update(task, completed=done, total=total, count=count)

        show(0)
        yield show


def _text(number: float) -> str:
    return f"{round(number, 1):,.12g}"
