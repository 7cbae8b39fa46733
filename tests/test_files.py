# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files are written whole or not at all."""

import os
import subprocess
import sys

import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.files import read_bytes, read_csv, read_text, write_csv, write_text, writing


def test_a_file_is_written_and_its_folder_made(tmp_path):
    path = tmp_path / "new" / "folder" / "a.txt"
    write_text(path, "µ\n")
    assert path.read_bytes() == "µ\n".encode()
    assert [each.name for each in path.parent.iterdir()] == ["a.txt"]


def test_a_table_is_written_as_csv(tmp_path):
    write_csv(tmp_path / "a.csv", ("name", "x"), [("a, b", 1), ("c", 2.5)])
    assert (tmp_path / "a.csv").read_text() == 'name,x\n"a, b",1\nc,2.5\n'


def test_what_fails_halfway_leaves_what_was_there_and_nothing_beside_it(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "before")

    def fail():
        with writing(path) as part:
            part.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_is_written_as_a_whole_and_what_a_killed_writer_left_is_no_part_of_it(tmp_path):
    left = tmp_path / "images.part"
    left.mkdir()
    (left / "old.png").touch()
    with writing(tmp_path / "images") as part:
        part.mkdir()
        (part / "new.png").touch()
    assert [each.name for each in (tmp_path / "images").iterdir()] == ["new.png"]
    assert not left.exists()


def test_a_full_disk_is_reported_with_the_file_and_leaves_nothing(tmp_path):
    (tmp_path / "a.txt").write_text("before")
    # A limit on the size of files stands for a full disk: the write fails in the same way.
    program = """
import resource, signal, sys
from pathlib import Path
from neuro_control.files import write_text

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_text(Path(sys.argv[1]), "x" * 10000)
except OSError as error:
    print(error.strerror, error.filename)
"""
    path = str(tmp_path / "a.txt")
    done = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == f"File too large {path}"
    assert (tmp_path / "a.txt").read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.timeout(20)
def test_what_is_no_file_missing_or_too_large_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(bytes(11))
    for path, why in (
        (tmp_path / "pipe", "it is no regular file"),
        (tmp_path, "it is no regular file"),
        (tmp_path / "gone", "No such file"),
        (tmp_path / "large", "it has more than the 10 bytes that are read"),
        (tmp_path / "null\0", "null"),
    ):
        with pytest.raises(ConfigurationError, match=f"can't read the diary .*: .*{why}"):
            read_bytes(path, 10, "the diary")
    assert read_bytes(tmp_path / "large", 11) == bytes(11)


def test_texts_and_tables_that_cannot_be_read_are_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('name,x\n\n"a, b",1\n')
    assert read_csv(path) == [["name", "x"], ["a, b", "1"]]
    path.write_text("x" * 200_000)
    with pytest.raises(ConfigurationError, match=r"a\.csv: field larger than field limit"):
        read_csv(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"a\.csv: it is no text in UTF-8"):
        read_text(path)
