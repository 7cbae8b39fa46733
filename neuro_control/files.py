# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files that are written whole or not at all, and read only if they are files of a likely size.

What is written goes into a file beside the target, which then takes the target's name. A reader
finds the old contents or the new ones, even if the writer is killed halfway.
"""

from __future__ import annotations

import csv
import errno
import io
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from neuro_control.errors import ConfigurationError
from neuro_control.limits import MAX_TEXT_BYTES


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
    except OSError as error:
        if error.filename is None:  # a full disk is reported by a file that is open already
            error.filename = str(path)
        raise
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


def read_bytes(path: Path, largest: int, what: str = "the file") -> bytes:
    """Contents of the file ``path``.

    A path of no file is refused rather than opened: a named pipe would be waited for without end.

    Args:
        path: The file.
        largest: Number of bytes that it may have.
        what: What errors call it.

    Raises:
        ConfigurationError: There is no such file, it is none, or it is larger.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        with path.open("rb") as file:
            data = file.read(largest + 1)
        if len(data) > largest:
            raise OSError(errno.EFBIG, f"it has more than the {largest} bytes that are read")
    except (OSError, ValueError) as error:  # a ValueError for a path with a null character
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"can't read {what} {path}: {reason}") from error
    return data


def read_text(path: Path, largest: int = MAX_TEXT_BYTES, what: str = "the file") -> str:
    """Contents of the text file ``path``; arguments as for ``read_bytes``.

    Raises:
        ConfigurationError: As ``read_bytes``, or it is no UTF-8.
    """
    try:
        return read_bytes(path, largest, what).decode()
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"can't read {what} {path}: it is no text in UTF-8") from error


def read_csv(path: Path, what: str = "the file") -> list[list[str]]:
    """Rows of the CSV file ``path``, without empty ones; ``what`` as for ``read_bytes``.

    Raises:
        ConfigurationError: As ``read_text``, or a field is longer than Python's reader takes.
    """
    try:
        return [row for row in csv.reader(read_text(path, what=what).splitlines()) if row]
    except csv.Error as error:
        raise ConfigurationError(f"can't read {what} {path}: {error}") from error
