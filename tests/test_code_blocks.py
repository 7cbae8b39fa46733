# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Every block of code of the documentation: programs run, commands are parsed by what they call.

A command of ours is parsed by the command itself, with its options, values and settings of
parameters; launch arguments, executables, messages and parameters are looked up where ROS 2 would.
"""

import dataclasses
import functools
import importlib
import itertools
import json
import re
import shlex
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
import yaml

from docs.reference import executables, parameters_type
from neuro_control.cli import main as command_line
from neuro_control.cli.scenario import discover
from neuro_control.ros import parameters as ros_parameters

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHELL = ("", "bash")
# Programs that other tests take from their pages and run: by page, and what they begin with.
RUN_ELSEWHERE = {
    "docs/your_own_controller.md": "tests/test_docs.py",
    "docs/tutorials/train_a_policy.md": "tests/policy/test_networks.py",
    "docs/tutorials/your_own_robot.md": "tests/test_house.py",
}
# Programs that quote others, or need what only a user has, by their first line.
NOT_ALONE = {
    "if age > limit:": "a quotation, which test_docs.py compares",
    "from pathlib import Path\nfrom neuro_control.quart.training.data.formats.quard": "needs data",
}
# What a page's programs need beside what all tests need.
NEEDS = {"docs/nir.md": "nir", "docs/data_sets.md": "minari"}
# What is no part of this package, and is taken as it stands.
FOREIGN = {
    "cd", "colcon", "export", "mkdir", "python3", "rosdep", "source", "sudo", "touch", "git",
    "docker", "mkdocs", "dask", "python", "journalctl", "systemctl", "ip", "ping", "raspi-config",
}  # fmt: skip
FOREIGN_ROS = ("security", "bag", "run teleop_twist_keyboard", "topic echo", "pkg")


def name_of(page):
    return str(page.relative_to(ROOT))


def blocks(*languages):
    """Page and text of each block in one of the languages."""
    for page in PAGES:
        for indent, language, text in re.findall(
            r"^( *)```(\w*)\n(.*?)^ *```", page.read_text(), re.S | re.M
        ):
            if language in languages:
                lines = [line.removeprefix(indent) for line in text.splitlines()]
                yield name_of(page), "\n".join(lines)


def commands():
    """Page and words of each command of the shell, one for each that && joins."""
    for page, text in blocks(*SHELL):
        joined = re.sub(r"\$\([^)]*\)", "FOLDER", re.sub(r"\\\n\s*", " ", text))
        for line in joined.splitlines():
            for part in re.split(r"&&", re.sub(r"(^|\s)#.*", "", line)):
                words = shlex.split(part)
                while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
                    words = words[1:]
                if words:
                    yield page, words


def test_every_language_of_a_block_is_one_that_is_checked():
    known = {*SHELL, "python", "yaml", "xml", "ini", "json", "mermaid", "text", "dockerfile"}
    for page in PAGES:
        for language in re.findall(r"^ *```(\w+)$", page.read_text(), re.M):
            assert language in known, f"{name_of(page)}: {language}"


def test_every_block_of_the_shell_is_one():
    scripts = "\n".join(text for _, text in blocks(*SHELL))
    done = subprocess.run(["bash", "-n"], input=scripts, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_every_block_of_data_can_be_read():
    for _, text in blocks("yaml"):
        yaml.safe_load(text)
    for _, text in blocks("json"):
        json.loads(text)
    for _, text in blocks("xml"):
        ElementTree.fromstring(text)


# Nodes and their parameters.


@functools.cache
def parameters(node):
    """Fields of a node's parameters by name, those of the page's own robots aside."""
    if node not in executables():
        return None
    return {field.name: field for field in dataclasses.fields(parameters_type(executables()[node]))}


def check_parameter(node, name, value):
    fields = parameters(node)
    if fields is None or name == "use_sim_time":
        return
    assert name in fields, f"{node} has no parameter {name}"
    if isinstance(value, dict | list) and isinstance(fields[name].default, str):
        value = yaml.safe_dump(value)
    ros_parameters._checked(fields[name], value)


def check_setting(text):
    """NODE.PARAMETER=VALUE."""
    place, _, value = text.partition("=")
    node, _, name = place.partition(".")
    check_parameter(node, name, yaml.safe_load(value))


# Commands.


@functools.cache
def ours():
    app = command_line.app
    found = discover()
    if "evaluate" not in app.commands:
        command_line._add_verbs(found)
    return app


def check_neuro_control(words):
    context = click.Context(ours(), info_name="neuro-control")
    command, rest = ours(), words
    while isinstance(command, click.Group) and rest:
        name, command, rest = command.resolve_command(context, list(rest))
        context = click.Context(command, info_name=name, parent=context)
    if rest == ["--help"]:
        return
    if words[0] == "run" and words[1] not in discover():
        assert words[1] in ("travelling_wave", "pendulum")  # of the tutorials
        return
    assert not isinstance(command, click.Group), f"{' '.join(words)} is not a whole command"
    try:
        made = command.make_context(command.name, list(rest), parent=context.parent)
    except click.BadParameter as error:
        # What earlier commands of the page write is not there.
        assert "does not exist" in str(error), error
        return
    for setting in made.params.get("changes") or ():
        check_setting(setting)


def launch_arguments(path):
    """Arguments that a launch file takes, those of the files that it includes among them."""
    root = ElementTree.parse(path).getroot()
    found = {arg.get("name") for arg in root.iter("arg")}
    for include in root.iter("include"):
        included = path.parent / include.get("file").removeprefix("$(dirname)/")
        if included.suffix == ".xml":
            found |= launch_arguments(included)
    return found


def check_launch(file, arguments):
    declared = launch_arguments(ROOT / "launch" / file)
    for argument in arguments:
        name = argument.partition(":=")[0]
        assert name in declared, f"{file} has no argument {name}"


def check_ros_run(executable, rest):
    assert executable in executables()
    for flag, value in itertools.pairwise(rest):
        if flag == "-p":
            name, _, text = value.partition(":=")
            given = yaml.safe_load(text)
            check_parameter(executable, name, yaml.safe_load(given) if _quoted(text) else given)


def _quoted(text):
    return text.startswith("'")


def check_message(kind, text):
    package, middle, name = kind.split("/")
    message = getattr(importlib.import_module(f"{package}.{middle}"), name)
    fill(message.Request() if middle == "srv" else message(), yaml.safe_load(text or "{}"))


def fill(message, values):
    """Set fields of a message as `ros2 topic pub` does."""
    types = message.get_fields_and_field_types()
    for name, value in values.items():
        assert name in types, f"{type(message).__name__} has no field {name}"
        if isinstance(value, dict):
            fill(getattr(message, name), value)
        elif isinstance(value, list):
            setattr(message, name, [float(each) for each in value])
        else:
            setattr(message, name, type(getattr(message, name))(value))


def check_ros(words):
    verb, rest = words[0], words[1:]
    if any(" ".join(words).startswith(each) for each in FOREIGN_ROS):
        return
    if verb == "launch":
        if rest[0] == "neuro_control":
            check_launch(rest[1], rest[2:])
    elif verb == "run":
        if rest[0] == "neuro_control":
            check_ros_run(rest[1], rest[2:])
    elif verb == "param":
        node, name, value = rest[1:4]
        check_parameter(node.strip("/"), name, yaml.safe_load(value))
    elif verb in ("topic", "service"):
        given = [each for each in rest[1:] if not re.fullmatch(r"-\w|[\d.]+", each)]
        check_message(given[1], given[2] if len(given) > 2 else "")
    else:
        raise AssertionError(f"ros2 {verb} is not known")


def check_make(words):
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M)
    assert words[0] in targets


def check_pip(words):
    setup = (ROOT / "setup.cfg").read_text()
    for extras in re.findall(r"neuro_control\[([\w,-]+)\]", " ".join(words)):
        for extra in extras.split(","):
            assert re.search(rf"^{extra} =$", setup, re.M), f"there is no extra {extra}"


CHECKS = {
    "neuro-control": check_neuro_control,
    "ros2": check_ros,
    "make": check_make,
    "pip": check_pip,
}


def test_every_command_is_one_that_its_program_takes():
    checked, wrong = 0, []
    for page, (program, *words) in commands():
        if program in FOREIGN:
            continue
        try:
            if program not in CHECKS:
                raise ValueError(f"{program} is not known: name it in FOREIGN if it is another's")
            CHECKS[program](words)
        except Exception as error:  # what our own parsers raise, and assertions
            wrong.append(f"{page}: {program} {' '.join(words)}: {error}")
        checked += 1
    assert not wrong, "\n".join(wrong)
    assert checked > 100


# Programs.


def programs():
    return [
        pytest.param(page, text, id=f"{page}-{number}")
        for number, (page, text) in enumerate(blocks("python"))
        if page not in RUN_ELSEWHERE
    ]


@pytest.mark.parametrize(("page", "text"), programs())
def test_every_program_runs(page, text, tmp_path, monkeypatch):
    for start, why in NOT_ALONE.items():
        if text.startswith(start):
            pytest.skip(why)
    if page in NEEDS:
        pytest.importorskip(NEEDS[page])
    (tmp_path / "config").symlink_to(ROOT / "config")
    monkeypatch.chdir(tmp_path)
    exec(compile(text, page, "exec"), {"__name__": "__main__"})  # noqa: S102  # our own pages


def test_pages_whose_programs_run_elsewhere_are_read_there():
    for page, test in RUN_ELSEWHERE.items():
        assert Path(page).name in (ROOT / test).read_text()
