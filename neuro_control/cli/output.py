# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What programs print and write: JSON to a file or the screen, remarks beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console, Group
from rich.table import Table

from neuro_control.files import write_csv, write_text

# Remarks and progress go to the error stream: standard output belongs to results.
remarks = Console(stderr=True, highlight=False)


def _plain(value: Any) -> Any:
    """``value`` with numbers that JSON does not know replaced by null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def print_table(table: Table | Group) -> None:
    """Print a result, or several: to standard output, so that it can be piped."""
    console = Console(width=max(80, remarks.width))
    with console.capture() as capture:
        console.print(table)
    click.echo(capture.get().rstrip())


def write_json(result: dict[str, Any], target: str) -> None:
    """Write ``result`` to the file ``target``, whole or not at all; ``-`` is standard output."""
    text = json.dumps(_plain(result), indent=2)
    if target == "-":
        print(text)
        return
    write_text(Path(target), text + "\n")


def show_result(result: dict[str, Any], target: str | None, table: Table | Group | str) -> None:
    """Write ``result`` as JSON where ``--json`` says, and show it, unless the JSON is shown.

    Args:
        result: What came out.
        target: A file, ``-`` for standard output, or None.
        table: The same for people to read: tables, which are results, or a remark.
    """
    if target is not None:
        write_json(result, target)
    if target == "-":
        return
    if not isinstance(table, str):
        print_table(table)
    else:
        remarks.print(table, markup=False, soft_wrap=True)


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of the same columns as CSV, whole or not at all."""
    columns = list(rows[0])
    cells = ([_cell(row[name]) for name in columns] for row in rows)
    write_csv(path, columns, cells)


def _cell(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
