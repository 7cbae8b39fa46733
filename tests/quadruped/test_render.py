# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures for people, as a user asks for them."""

import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.evaluation.render import render

# Drawing is chosen before MuJoCo is imported: in a process of its own.
COMMAND = """
import sys
from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.evaluation.render import render
try:
    render(sys.argv[1:], standalone_mode=False)
except ConfigurationError as error:
    sys.exit(str(error))
"""


def test_a_picture_is_drawn_where_it_should_be(tmp_path):
    path = tmp_path / "new" / "stairs.png"
    arguments = ("--terrain", "stairs", "--seconds", "0.1", "--width", "240", "--height", "160")
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments, "--out", path],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    if "can't render" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    assert "stairs.png" in done.stderr
    assert list(path.parent.iterdir()) == [path]
    with Image.open(path) as picture:
        assert picture.size == (240, 160)
        assert np.asarray(picture.convert("L")).std() > 10


@pytest.mark.parametrize("seed", [0, 1])
def test_a_course_is_seen_with_its_target_ahead_of_the_robot(tmp_path, seed):
    path = tmp_path / "course.png"
    arguments = ("--task", "go to the red ball", "--seed", str(seed), "--seconds", "0.1")
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments, "--out", path],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    if "can't render" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    assert "render quadruped --task is now render quart --task" in done.stderr
    with Image.open(path) as picture:
        red, green, blue = np.moveaxis(np.asarray(picture.convert("RGB")).astype(int), 2, 0)
    # The ball is saturated red; nothing else in the picture is.
    assert ((red > 100) & (red > 3 * green) & (red > 3 * blue)).sum() > 300


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--terrain", "moon"), "no terrain 'moon': there are flat, rough, slope, stairs"),
        (("--task", "sing"), r"no task 'sing': there are go to the COLOUR cube\|ball; "),
        (("--seconds", "0"), "MuJoCo can't render here"),
    ],
)
def test_what_can_not_be_drawn_is_an_error_and_leaves_nothing(
    tmp_path, monkeypatch, arguments, words
):
    monkeypatch.setenv("MUJOCO_GL", "disable")
    monkeypatch.delattr("mujoco.Renderer", raising=False)
    with pytest.raises(ConfigurationError, match=words):
        CliRunner().invoke(
            render, [*arguments, "--out", str(tmp_path / "x.png")], catch_exceptions=False
        )
    assert list(tmp_path.iterdir()) == []
