# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A run keeps the parameters that acted, and waits for controllers that are not ready."""

import dataclasses
import re

import numba
import pytest
from lifecycle_msgs.srv import ChangeState
from rclpy.parameter import Parameter

from neuro_control.cli.scenario import find_scenario, resolve
from neuro_control.errors import ConfigurationError
from neuro_control.ros import compiling
from neuro_control.ros import run as runs
from neuro_control.simulation.node import Simulation
from neuro_control.simulation.parameters import SimulationParameters
from neuro_control.swimmer.nodes.controller import SwimmerController, SwimmerParameters
from tests.bench import options
from tests.ros import ending

SWIM = {"model": "neuro_control.swimmer.simulation.env:swim"}
# Transitions of lifecycle_msgs/msg/Transition.
CONFIGURE, ACTIVATE = 1, 3


def prepared(folder, **settings):
    """Parameter file and recording of a short run of the swimmer."""
    parameters = runs.read_parameters(
        find_scenario("swimmer").config_file(), ["simulation", "swimmer_controller"]
    )
    recording, file = folder / "recording.npz", folder / "parameters.yaml"
    parameters["simulation"].update(duration=3.0, recording=str(recording), **settings)
    parameters["swimmer_controller"]["use_sim_time"] = True
    runs.write_parameters(parameters, file)
    return file, recording


@pytest.mark.parametrize("apart", [False, True])
def test_a_run_keeps_all_parameters_of_its_nodes_with_their_defaults(tmp_path, apart):
    file, recording = prepared(tmp_path, seed=4)
    nodes = find_scenario("swimmer").nodes
    if apart:
        result = runs.run_apart(nodes, file, recording, None, lambda _: None)
    else:
        factories = {name: resolve(factory) for name, factory in nodes.items()}
        result = runs.run_together(factories, file, recording, None, lambda _: None)
    simulation, controller = result.parameters.values()
    assert list(result.parameters) == ["simulation", "swimmer_controller"]
    assert simulation["seed"] == 4
    fields = {field.name for field in dataclasses.fields(SimulationParameters)}
    assert set(simulation) == {*fields, "use_sim_time"}
    assert controller["use_sim_time"] is True
    assert controller["oscillator_period"] == SwimmerParameters().oscillator_period
    assert result.changes == []
    assert "recording" not in runs.replayable(result.parameters)["simulation"]


def test_a_run_keeps_what_was_set_while_it_went_on_with_the_time(tmp_path):
    file, recording = prepared(tmp_path)
    made = []

    def controller():
        made.append(SwimmerController())
        return made[0]

    def meanwhile(simulated):
        if simulated > 1.0 and made[0].parameters.speed == 1.0:
            made[0].set_parameters([Parameter("speed", value=0.5)])

    factories = {"simulation": Simulation, "swimmer_controller": controller}
    result = runs.run_together(factories, file, recording, None, meanwhile)
    (change,) = result.changes
    assert (change.node, change.name, change.value) == ("swimmer_controller", "speed", 0.5)
    assert 1.0 < change.time <= 3.0
    assert result.parameters["swimmer_controller"]["speed"] == 1.0


def test_the_node_that_failed_first_is_named_although_it_ends_last(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv(ending.VARIABLE, str(tmp_path / "failed"))
    file = tmp_path / "parameters.yaml"
    file.write_text("{}")
    nodes = {"simulation": "Simulation", "controller": "SlowController"}
    factories = {name: f"tests.ros.ending:{factory}" for name, factory in nodes.items()}
    with pytest.raises(ConfigurationError, match=r"^controller ended early; its own"):
        runs.run_apart(factories, file, tmp_path / "recording.npz", None, lambda _: None)
    assert "controller: the motor is missing" in capfd.readouterr().err


def test_the_lockstep_limit_counts_once_the_controller_is_active(bench):
    simulation = bench.add(Simulation(**options(**SWIM, lockstep_timeout=0.1, lockstep_limit=0.3)))
    controller = bench.add(SwimmerController(**options(use_sim_time=True, autostart=False)))
    client = simulation.create_client(ChangeState, "swimmer_controller/change_state")

    def change(transition):
        request = ChangeState.Request()
        request.transition.id = transition
        assert bench.call(client, request).success

    bench.spin_until(lambda: simulation.reported_state()[1].startswith("waiting for"))
    bench.spin_for(1.0)
    assert not simulation.finished
    change(CONFIGURE)
    bench.spin_for(1.0)
    assert not simulation.finished
    assert simulation.reported_state()[1] == "waiting for swimmer_controller to become active"
    change(ACTIVATE)
    bench.spin_until(lambda: simulation.steps > 10)
    # Active and no longer answering, it is given up.
    bench.executor.remove_node(controller)
    bench.spin_until(lambda: simulation.finished)
    assert "no command answered the observation of" in simulation.failure


def test_compiling_is_announced_once_and_what_is_compiled_already_is_not():
    @numba.njit
    def plus_one(number):
        return number + 1

    said = []
    with compiling.announced(said.append):
        plus_one(1)
        plus_one(1.0)
    assert said == ["compiling the control law, once per machine…"]
    with compiling.announced(said.append):
        plus_one(1)
    assert len(said) == 1


def test_whoever_waits_for_compilation_is_told_how_far_it_is(monkeypatch):
    @numba.njit
    def plus_two(number):
        return number + 2

    monkeypatch.setattr(compiling, "_REPEAT", 0.0)
    said = []
    with compiling.announced(said.append):
        for number in (1, 1.0, 1j):
            plus_two(number)
    assert said[0] == "compiling the control law, once per machine…"
    assert re.fullmatch(r"still compiling: [1-9]\d* functions in \d+ s", said[-1])
