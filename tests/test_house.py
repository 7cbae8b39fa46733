# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The house: what importing costs, who may know whom, and that a robot is one folder."""

import configparser
import itertools
import json
import os
import pkgutil
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


# A robot that swings: one hinge, one motor, one controller.
ROBOT = {
    "neuro_control/pendulum/__init__.py": '"""A pendulum."""\n',
    "neuro_control/pendulum/scenario.py": '''"""What the pendulum offers."""

from neuro_control.cli.scenario import Scenario

SCENARIOS = {
    "pendulum": Scenario(
        summary="a pendulum is held up",
        config="pendulum.yaml",
        nodes={
            "simulation": "neuro_control.simulation.node:Simulation",
            "pendulum_controller": "neuro_control.pendulum.nodes.controller:Controls",
        },
        summarise="neuro_control.pendulum.evaluation.report:summary",
        picture="neuro_control.pendulum.evaluation.report:pictures",
        seconds=2.0,
    )
}
''',
    "neuro_control/pendulum/nodes/__init__.py": '"""Its nodes."""\n',
    "neuro_control/pendulum/nodes/controller.py": '''"""Holds the pendulum up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import JointState

from neuro_control.ros.controller import Controller, ControllerParameters, Input
from neuro_control.ros.messages import JointReader, joint_state
from neuro_control.ros.parameters import parameter

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Gains(ControllerParameters):
    """Its parameters."""

    stiffness: float = parameter(2.0, "Torque per angle, N·m/rad", low=0.0, high=10.0)


class Controls(Controller[Gains]):
    """A spring that pulls the hinge to zero."""

    def __init__(self, name: str = "pendulum_controller", **node_options: Any) -> None:
        super().__init__(name, Gains, JointState, "joint_commands", **node_options)

    def configure(self) -> Sequence[Input[Any]]:
        """Joint states trigger a step."""
        reader = JointReader(["hinge"])
        return [Input("joint_states", JointState, reader, self.parameters.input_timeout)]

    def reset(self) -> None:
        """It remembers nothing."""

    def step(self, observation: Array) -> Array:
        """Torque, (1,), N·m."""
        return -self.parameters.stiffness * observation

    def limits(self) -> tuple[float, float]:
        """Of the torque, N·m."""
        return -5.0, 5.0

    def safe_action(self) -> Array:
        """No torque."""
        return np.zeros(1)

    def command(self, nanoseconds: int, action: Array) -> JointState:
        """As efforts."""
        return joint_state(nanoseconds, ["hinge"], effort=action)
''',
    "neuro_control/pendulum/evaluation/__init__.py": '"""Its metrics."""\n',
    "neuro_control/pendulum/evaluation/report.py": '''"""What a run comes to."""

from collections.abc import Mapping
from typing import Any


def summary(recording: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Where it ended, rad."""
    steps = len(recording["time"]) - 1
    return {"angle": float(recording["qpos"][-1, 0]), "steps": steps, "seed": parameters["seed"]}


def pictures(*_: Any) -> list[str]:
    """It draws none."""
    return []
''',
    "config/pendulum.yaml": """simulation:
  ros__parameters: {model: pendulum.xml, observation_period: 0.03, odometry: false}
pendulum_controller:
  ros__parameters: {stiffness: 3.0}
""",
    "sim/pendulum.xml": """<mujoco>
  <option timestep="0.01"/>
  <worldbody>
    <site name="base_link"/>
    <body><joint name="hinge" axis="0 1 0" damping="0.5"/><geom size="0.1" pos="0 0 0.2"/></body>
  </worldbody>
  <actuator><motor joint="hinge"/></actuator>
</mujoco>
""",
    "bin/pendulum_controller": """#!/usr/bin/env python3
from neuro_control.pendulum.nodes.controller import Controls
from neuro_control.ros.process import run_node

run_node(Controls)
""",
    "launch/pendulum.launch.xml": """<launch>
  <node pkg="neuro_control" exec="pendulum_controller"/>
</launch>
""",
}  # fmt: skip


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
