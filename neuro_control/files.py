# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files that are written whole or not at all.

What is written goes into a file beside the target, which then takes the target's name. A reader
finds the old contents or the new ones, even if the writer is killed halfway.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that takes its name when the block ends without error.

    Args:
        path: File, or folder that is empty or missing. The folder that holds it is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    _remove(part)  # a writer that was killed may have left it
    try:
        yield part
        os.replace(part, path)
    finally:
        _remove(part)


def _remove(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part)
    else:
        part.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to the file ``path``, whole or not at all; its folder is made."""
    with writing(path) as part:
        part.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to the file ``path``, whole or not at all; its folder is made."""
    write_bytes(path, text.encode())


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table as CSV, whole or not at all; its folder is made."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, text.getvalue())
