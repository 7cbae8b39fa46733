"""What programs print and write: JSON to a file or the screen, remarks beside it."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from neuro_control.errors import ConfigurationError

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


def print_table(table: Table) -> None:
    """Print a result: to standard output, so that it can be piped."""
    console = Console(width=max(80, remarks.width))
    with console.capture() as capture:
        console.print(table)
    click.echo(capture.get().rstrip())


def _check_target(_context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
    """Refuse a file that can't be written before the work, not after it."""
    if value in (None, "-"):
        return value
    path = Path(str(value))
    if path.is_dir():
        raise ConfigurationError(f"--json takes a file or -, and {path} is a folder")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise ConfigurationError(f"can't write {path}: {folder} can't be written to")
    return value


json_option = click.option(
    "--json", callback=_check_target, help="File for the result; - prints it."
)


def write_json(result: dict[str, Any], target: str) -> None:
    """Write ``result`` to the file ``target``, whole or not at all; ``-`` is standard output."""
    text = json.dumps(_plain(result), indent=2)
    if target == "-":
        print(text)
        return
    path = Path(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text + "\n")
    os.replace(part, path)


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of the same columns as CSV, whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text.getvalue())
    os.replace(part, path)
