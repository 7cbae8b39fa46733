# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The quadruped's controller: stages in their order, remarks once, settings by name."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped import control
from neuro_control.quadruped.control.command import gait
from neuro_control.quadruped.control.command_limits import LimitSettings
from neuro_control.quadruped.control.command_mux import CommandSources, MuxSettings
from neuro_control.quadruped.control.command_smoother import SmootherSettings
from neuro_control.quadruped.control.controller import ControllerSettings, QuadrupedController
from neuro_control.quadruped.control.robots import GO2
from neuro_control.quadruped.control.settings import with_numbers
from neuro_control.quadruped.control.types import PERIOD, Observation
from neuro_control.quadruped.simulation.body import Body, world

STANDING = Observation(
    np.zeros(3), np.array([0.0, 0.0, 9.81]), np.tile([0.0, 0.8, -1.6], 4), np.zeros(12),
    np.full(4, 37.0),
)  # fmt: skip


def go_on(controller, sources, steps, begin=0):
    for k in range(begin, begin + steps):
        # Readings of a sensor that works differ a little.
        angles = STANDING.angles + 1e-4 * (k % 2)
        answer = controller.step(STANDING._replace(angles=angles), k * PERIOD, sources)
    return answer


def spied(monkeypatch, controller):
    """Names of the stages as they are called, and what each one was given and gave."""
    calls = []
    for name in ("mux", "limits", "governor", "smoother"):
        stage = getattr(controller, name)

        def step(*given, inner=stage.step, name=name, **others):
            found = inner(*given, **others)
            calls.append((name, given[0], found))
            return found

        monkeypatch.setattr(stage, "step", step)
    inner = controller.gait.schedule.step

    def schedule(command, *others):
        calls.append(("contacts", command, None))
        return inner(command, *others)

    monkeypatch.setattr(controller.gait.schedule, "step", schedule)
    return calls


def test_a_command_passes_mux_limits_governor_and_smoother_in_this_order(monkeypatch):
    controller = QuadrupedController(GO2)
    go_on(controller, CommandSources(), 5)
    assert controller.state == "walking"
    calls = spied(monkeypatch, controller)
    wild = gait("trot", forward=7.0, pitch=0.4, swing=0.5)
    go_on(controller, CommandSources.constant(wild), 1, begin=5)
    assert [name for name, _, _ in calls] == ["mux", "limits", "governor", "contacts", "smoother"]
    chosen, limited, governed = (found for _, _, found in calls[:3])
    assert chosen == wild
    assert calls[1][1] is chosen
    assert limited == dataclasses.replace(wild, forward=1.6, swing=0.2)
    assert calls[2][1] is limited
    assert governed.pitch < 0.4
    # What leaves the governor is what contacts and smoother are given: nothing changes it between.
    assert calls[3][1] is governed
    assert calls[4][1] is governed
    assert controller.command is limited


def test_commands_of_the_state_machine_enter_after_the_governor(monkeypatch):
    controller = QuadrupedController(GO2)
    go_on(controller, CommandSources(), 5)
    calls = spied(monkeypatch, controller)
    controller.lie_down()
    go_on(controller, CommandSources(), 1, begin=5)
    assert controller.state == "lowering"
    assert [name for name, _, _ in calls] == ["mux", "contacts", "smoother"]
    assert calls[-1][1] == gait("stand")


def test_no_other_module_changes_a_command():
    stages = {"command_mux.py", "command_limits.py", "command_governor.py", "command.py"}
    # The state machine and the start of the gait controller stand: duration 1, a lower trunk.
    allowed = {"locomotion.py": 2, "gait.py": 1, "controller.py": 1}
    for file in Path(control.__file__).parent.glob("*.py"):
        if file.name not in stages:
            count = file.read_text().count("dataclasses.replace(")
            assert count <= allowed.get(file.name, 1 if file.name == "settings.py" else 0), file


def test_remarks_of_all_stages_are_collected_once():
    settings = ControllerSettings(limits=LimitSettings(max_forward=0.4))
    controller = QuadrupedController(GO2, settings)
    sources = CommandSources.constant(gait("trot", forward=0.9, pitch=0.4, height=-0.1, swing=0.05))
    go_on(controller, sources, 5)
    pitch, forward = controller.remarks
    assert pitch.startswith("pitch 0.4 can't be walked with the rest")
    assert forward == "forward 0.9 is beyond -1 to 0.4: clamped"
    controller.lie_down()
    go_on(controller, sources, 1, begin=5)
    assert controller.remarks == []


def test_reset_begins_an_episode_and_restart_keeps_what_is_commanded():
    profile = (0.0, 0.0, 0.0, 0.0, 0.01, 0.3, 0.0, 0.0)
    settings = ControllerSettings(mux=MuxSettings(velocity_profile=profile), start_standing=False)
    controller = QuadrupedController(GO2, settings)
    controller.stand_up()
    go_on(controller, CommandSources(), 10)
    assert controller.command.forward == 0.3
    controller.restart()
    assert controller.state == "holding"
    go_on(controller, CommandSources(), 2, begin=10)
    assert (controller.state, controller.command.forward) == ("rising", 0.3)
    controller.reset()
    go_on(controller, CommandSources(), 150)
    assert controller.state == "damping"


def test_settings_take_numbers_by_section_and_name():
    settings = with_numbers(
        ControllerSettings(),
        {"gait": {"smoother": {"forward_jerk": 20}}, "locomotion": {"folded": [0.0, 1.2, -2.6]}},
    )
    assert settings.gait.smoother == SmootherSettings(forward_jerk=20.0)
    assert settings.locomotion.folded == (0.0, 1.2, -2.6)
    assert settings.governor == ControllerSettings().governor


@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        ({"goverment": {}}, "there is no goverment: there are mux, limits, governor, gait"),
        ({"gait": {"smoother": 1.0}}, "gait: smoother is a mapping of names to numbers, not 1.0"),
        (
            {"gait": {"smoother": {"jerk": 1.0}}},
            "gait: smoother: there is no jerk: there are forward_acc",
        ),
        (
            {"gait": {"smoother": {"tilt_rate": 0}}},
            "smoother: tilt_rate is a number between 0.01 and 10, not 0",
        ),
        (
            {"gait": {"smoother": {"tilt_rate": True}}},
            "smoother: tilt_rate is a number between 0.01 and 10, not True",
        ),
        ({"locomotion": {"folded": [1.0]}}, r"folded is 3 numbers between -4.5 and 4.5, not \[1"),
    ],
)
def test_settings_that_can_not_be_are_refused_with_what_would_be_right(numbers, why):
    with pytest.raises(ConfigurationError, match=why):
        with_numbers(ControllerSettings(), numbers)


def test_a_controller_that_is_reset_answers_as_a_fresh_one_to_the_bit():
    def answers(controller, seed, steps, **command):
        body, found = Body(world()), []
        body.reset(np.random.default_rng(seed))
        sources = CommandSources.constant(gait("trot", **command))
        for step in range(steps):
            answer = controller.step(body.observation, step * PERIOD, sources)
            body.step(answer.efforts)
            found.append(answer.efforts)
        return np.array(found)

    controller = QuadrupedController(GO2)
    # By the end it has turned by 130°: no direction of then may be left.
    answers(controller, 1, 1500, forward=0.3, yaw_rate=1.0)
    controller.reset()
    expected = answers(QuadrupedController(GO2), 0, 300, forward=0.5, yaw_rate=0.3)
    assert (answers(controller, 0, 300, forward=0.5, yaw_rate=0.3) == expected).all()
