# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What docs/effects.md says of effects holds, and its examples run."""

import dataclasses
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from neuro_control.simulation.effects import EFFECTS, ModelEffect, SensorEffect, TimedEffect

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "effects.md").read_text()
ROWS = {
    re.match(r"\| `(\w+)`", line).group(1): [cell.strip() for cell in line.split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| `")
}


def fields(made):
    return {field.name: field for field in dataclasses.fields(made)}


def test_the_table_names_every_effect_and_what_is_its_own_of_its_numbers():
    assert list(ROWS) == list(EFFECTS)
    for kind, made in EFFECTS.items():
        base = next(
            each for each in (SensorEffect, TimedEffect, ModelEffect) if issubclass(made, each)
        )
        own = set(fields(made)) - set(fields(base))
        assert set(re.findall(r"`(\w+)`", ROWS[kind][1])) == own, kind
        for name, field in fields(made).items():
            if name in own and field.default is dataclasses.MISSING:
                assert "needed" in ROWS[kind][1]


# Evaluations first: they wait for the quadruped's compilation, however long it takes.
COMMANDS = sorted(re.findall(r"^neuro-control .*$", PAGE, re.M))
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


def test_there_is_an_example_for_every_channel():
    assert len(COMMANDS) == 6
    assert len(SNIPPETS) == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_the_pages_commands_run(command, tmp_path):
    arguments = [sys.executable, "-m", "neuro_control.cli", *shlex.split(command)[1:]]
    done = subprocess.run(
        [*arguments, "--json", str(tmp_path / "result.json")],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "result.json").exists()


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_the_pages_snippets_run(snippet):
    exec(compile(snippet, "docs/effects.md", "exec"), {})  # noqa: S102  # it is what is tested


def test_a_wrong_effect_ends_a_command_with_what_would_be_right():
    for effect, sentence in (
        ("shove: {}", "no effect 'shove': there are noise"),
        ("stuck: {sensor: tail}", "stuck: no sensor 'tail': the model has velocity_0"),
    ):
        arguments = ["evaluate", "swimmer", "--seeds", "1", "--seconds", "1", "--effect", effect]
        done = subprocess.run(
            [sys.executable, "-m", "neuro_control.cli", *arguments],
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 2
        assert sentence in " ".join(done.stderr.split())
