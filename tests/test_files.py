# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files are written whole or not at all."""

import pytest

from neuro_control.files import write_csv, write_text, writing


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
