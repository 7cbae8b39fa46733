# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The house: what importing costs, who may know whom, and that a robot is one folder."""

import configparser
import itertools
import json
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

import neuro_control
from neuro_control.moved import MOVED

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {"control", "simulation", "training", "evaluation", "nodes"}
# The real robot's driver stands beside the robot it belongs to.
OTHER_ROOMS = {"quadruped": {"go2"}}
# Who may stand on whom.
STANDS_ON = {("quart", "quadruped"), ("policy", "quadruped")}


def robots():
    """Folders that offer scenarios."""
    return sorted(p.parent.name for p in ROOT.glob("neuro_control/*/scenario.py") if
                  p.parent.name != "cli")  # fmt: skip


def run(*arguments, folder=ROOT, **environment):
    return subprocess.run(
        arguments,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=110,
    )


def test_importing_the_package_loads_neither_gymnasium_nor_mujoco_nor_torch():
    program = (
        "import sys, neuro_control; "
        "print({name.partition('.')[0] for name in sys.modules} & "
        "{'gymnasium', 'mujoco', 'torch', 'rclpy', 'numpy', 'numba'})"
    )
    assert run(sys.executable, "-c", program).stdout.strip() == "set()"


@pytest.mark.parametrize("robot", robots())
def test_a_robots_folder_has_rooms_of_the_known_names_and_a_scenario(robot):
    folder = ROOT / "neuro_control" / robot
    packages = {m.name for m in pkgutil.iter_modules([str(folder)]) if m.ispkg}
    assert packages <= ROOMS | OTHER_ROOMS.get(robot, set())
    assert {p.name for p in folder.glob("*.py")} == {"__init__.py", "scenario.py"}


def test_robots_do_not_know_one_another():
    graph = grimp.build_graph("neuro_control")
    for one, other in itertools.permutations(robots(), 2):
        if (one, other) in STANDS_ON:
            continue
        found = graph.find_shortest_chain(
            f"neuro_control.{one}", f"neuro_control.{other}", as_packages=True
        )
        assert found is None, found


def test_a_moved_module_is_found_by_its_old_name_with_a_warning():
    for old, new in MOVED.items():
        program = f"import {old}, {new}, sys; print(sys.modules['{old}'] is sys.modules['{new}'])"
        done = run(sys.executable, "-c", program)
        assert done.stdout.strip() == "True", done.stderr
        assert f"{old} is now {new}" in done.stderr


# A robot that swings: one hinge, one motor, one controller; the files of the tutorial.
PAGE = (ROOT / "docs" / "tutorials" / "your_own_robot.md").read_text()
ROBOT = dict(re.findall(r"^`([\w./]+)`.*?:\n\n```\w+\n(.*?)^```", PAGE, re.S | re.M))


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A copy of the package with a new robot in it; no other file was changed."""
    copy = tmp_path_factory.mktemp("house")
    for name in ("neuro_control", "config", "sim", "bin", "launch", "resource"):
        shutil.copytree(
            ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".*cache")
        )
    for name in ("package.xml", "pyproject.toml", "setup.py", "setup.cfg", "README.md"):
        shutil.copy(ROOT / name, copy)
    for name, content in ROBOT.items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text(content)
    return copy


def test_a_new_robot_is_listed_and_runs_without_an_edit(house):
    command = (sys.executable, "-m", "neuro_control.cli")
    assert "a pendulum is held up" in run(*command, "list", folder=house).stdout
    done = run(*command, "run", "pendulum", "--json", "-", folder=house)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"angle": 0.0, "steps": 67, "seed": 0, "mode": "lockstep"}


def test_a_new_robot_is_linted_and_held_to_the_contracts(house):
    ruff = run(sys.executable, "-m", "ruff", "check", "neuro_control/pendulum", folder=house)
    assert ruff.returncode == 0, ruff.stdout
    assert run("lint-imports", folder=house, PATH=_path()).returncode == 0
    bad = house / "neuro_control" / "pendulum" / "nodes" / "controller.py"
    before = bad.read_text()
    bad.write_text(before + "\nimport mujoco\n")
    try:
        broken = run("lint-imports", folder=house, PATH=_path())
    finally:
        bad.write_text(before)
    assert broken.returncode != 0
    assert "neuro_control.pendulum.nodes.controller -> mujoco" in broken.stdout


def test_a_new_robots_launch_file_and_executable_are_installed_without_an_edit(house):
    program = (
        "import runpy, setuptools\n"
        "setuptools.setup = lambda **given: print(given['data_files'])\n"
        "runpy.run_path('setup.py')\n"
    )
    shipped = run(sys.executable, "-c", program, folder=house).stdout
    assert "launch/pendulum.launch.xml" in shipped
    assert "bin/pendulum_controller" in shipped
    done = run(
        *(sys.executable, "bin/pendulum_controller", "--ros-args", "-p", "nonsense:=1"),
        folder=house,
    )
    assert "has no parameter nonsense" in done.stderr


def test_setup_names_no_folder_by_hand():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["options"]["packages"] == "find:"


def _path():
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def test_every_scenario_folder_of_this_package_is_a_package():
    found = {m.name for m in pkgutil.iter_modules(neuro_control.__path__) if m.ispkg}
    assert set(robots()) <= found
