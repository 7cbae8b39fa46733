# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The simulation behind topics: lockstep, pace, faults of whoever answers it."""

import signal
import subprocess
import sys
import time

import gymnasium
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from std_srvs.srv import SetBool, Trigger

import neuro_control.envs  # noqa: F401  # registers the environments
from neuro_control.errors import ConfigurationError
from neuro_control.ros.messages import joint_state, to_nanoseconds
from neuro_control.simulation.node import Simulation
from neuro_control.swimmer.control.circuit import Circuit
from neuro_control.swimmer.nodes.controller import SwimmerController
from neuro_control.swimmer.simulation.env import SwimmerSwim
from tests.bench import Probe, options
from tests.ros.simulation_setting import PERIOD, ROOT, SWIM, Pilot, rig


def states(path):
    with np.load(path) as file:
        return dict(file)


@pytest.mark.parametrize(("links", "seed"), [(6, 0), (6, 1), (3, 2), (12, 3)])
def test_a_run_through_ros_is_the_run_without_to_the_bit(bench, tmp_path, links, seed):
    recording = tmp_path / "r.npz"
    simulation = bench.add(
        Simulation(
            **options(
                **SWIM,
                model_arguments=f"links: {links}",
                duration=9.0,
                seed=seed,
                recording=str(recording),
            )
        )
    )
    controller = bench.add(SwimmerController(**options(links=links, use_sim_time=True)))
    controller.start()
    bench.spin_until(lambda: simulation.finished)
    simulation.stop()
    environment = SwimmerSwim(links)
    observation, _ = environment.reset(seed=seed)
    data, circuit = environment.body.data, Circuit(links - 1)
    rows = states(recording)
    assert len(rows["time"]) == 301
    for step in range(301):
        np.testing.assert_array_equal(rows["qpos"][step], data.qpos)
        np.testing.assert_array_equal(rows["qvel"][step], data.qvel)
        np.testing.assert_array_equal(rows["sensordata"][step], data.sensordata)
        observation, *_ = environment.step(circuit.step(observation[: links - 1]))


def test_lockstep_steps_only_when_the_last_observation_is_answered(bench):
    simulation, pilot = rig(bench)
    bench.spin_until(lambda: simulation.steps > 5)
    pilot.answering = False
    bench.spin_for(0.2)
    stopped = simulation.steps
    bench.spin_for(0.3)
    assert simulation.steps == stopped
    last = pilot.observations[-1]
    # Unanswered, it is sent again, for sensor topics may lose it.
    assert sum(o.header.stamp == last.header.stamp for o in pilot.observations) >= 2
    old = joint_state(to_nanoseconds(last.header.stamp) - PERIOD, pilot.names, effort=np.zeros(5))
    pilot.command.publish(old)
    bench.spin_for(0.1)
    assert simulation.steps == stopped
    pilot.answer(last)
    bench.spin_until(lambda: simulation.steps == stopped + 1)


def test_lockstep_without_an_answer_says_why_and_goes_on_when_one_comes(bench):
    simulation, pilot = rig(bench, lockstep_timeout=0.3)
    bench.spin_until(lambda: simulation.steps > 0)
    pilot.answering = False
    bench.spin_until(lambda: pilot.said("no command answered the observation of"))
    assert pilot.said("node(s) publish joint_commands: is the controller active?")
    pilot.answering = True
    before = simulation.steps
    bench.spin_until(lambda: simulation.steps > before + 3)


def test_a_run_that_nobody_answers_ends_at_its_limit(bench):
    pilot = bench.add(Pilot())
    pilot.answering = False
    simulation = bench.add(Simulation(**options(**SWIM, lockstep_limit=0.3)))
    bench.spin_until(lambda: simulation.finished)
    assert "no command answered the observation of 0.000 s" in simulation.failure


@pytest.mark.parametrize(
    ("law", "says"),
    [
        (lambda angles: np.full(len(angles), np.nan), "effort[0] is nan"),
        (lambda angles: np.zeros(3), "3 values of effort for 5 names"),
    ],
)
def test_a_bad_command_never_reaches_a_motor(bench, law, says):
    simulation, pilot = rig(bench, law=law)
    bench.spin_until(lambda: pilot.said("joint_commands rejected"))
    assert pilot.said(says)
    assert simulation.steps == 0
    assert not simulation.data.ctrl.any()
    pilot.law = lambda angles: np.zeros(5)
    bench.spin_until(lambda: simulation.steps > 3)


def test_a_simulation_that_is_made_publishes_nothing_before_it_runs(bench):
    # A second start on one domain is refused once its nodes are made; a clock and an observation
    # of zero from it would reset the controllers of the first.
    pilot = bench.add(Pilot())
    clocks = []
    pilot.create_subscription(Clock, "/clock", clocks.append, 10)
    simulation = Simulation(**options(**SWIM))
    try:
        bench.spin_until(lambda: pilot.count_publishers("joint_states"))
        bench.spin_for(0.5)
        assert (clocks, pilot.observations) == ([], [])
    finally:
        simulation.destroy_node()


def test_reset_starts_the_same_seed_alike_and_another_otherwise(bench):
    simulation, pilot = rig(bench)
    bench.spin_until(lambda: simulation.steps > 5)
    reset = pilot.create_client(Trigger, "simulation/reset")

    def start():
        pilot.answering = False
        bench.spin_for(0.15)
        assert bench.call(reset, Trigger.Request()).success
        position = simulation.data.qpos.copy()
        assert simulation.time == 0
        pilot.answering = True
        bench.spin_until(lambda: simulation.steps > 3)
        return position

    first = start()
    np.testing.assert_array_equal(start(), first)
    assert simulation.set_parameters([Parameter("seed", value=5)])[0].successful
    other = start()
    assert not np.array_equal(other, first)
    expected, _ = SwimmerSwim().reset(seed=5)
    np.testing.assert_array_equal(other[3:], expected[:5])


def test_a_controller_survives_a_reset_mid_run_and_swims_the_same_episode_again(bench, tmp_path):
    recording = tmp_path / "r.npz"
    simulation = bench.add(
        Simulation(**options(**SWIM, duration=3.0, seed=1, recording=str(recording)))
    )
    controller = bench.add(SwimmerController(**options(use_sim_time=True)))
    probe = bench.add(Probe())
    reset = probe.create_client(Trigger, "simulation/reset")
    bench.spin_until(reset.service_is_ready)
    controller.start()
    bench.spin_until(lambda: simulation.steps > 40)
    bench.call(reset, Trigger.Request())
    bench.spin_until(lambda: simulation.finished)
    simulation.stop()
    again = states(recording)
    assert len(again["time"]) == 101
    environment, circuit = SwimmerSwim(), Circuit(5)
    observation, _ = environment.reset(seed=1)
    for step in range(100):
        observation, *_ = environment.step(circuit.step(observation[:5]))
        np.testing.assert_array_equal(again["qpos"][step + 1], environment.body.data.qpos)


def test_a_killed_controller_leaves_the_simulation_waiting_for_the_next(bench):
    simulation = bench.add(Simulation(**options(**SWIM, lockstep_timeout=0.3)))
    probe = bench.add(Probe())

    def controller():
        return subprocess.Popen(
            [
                sys.executable,
                *("-m", "neuro_control.ros.process"),
                "neuro_control.swimmer.nodes.controller:SwimmerController",
                *("--ros-args", "-p", "use_sim_time:=true"),
            ]
        )

    first = controller()
    try:
        bench.spin_until(lambda: simulation.steps > 10)
    finally:
        first.kill()
        first.wait()
    bench.spin_until(lambda: probe.said("no command answered the observation of"))
    stopped = simulation.steps
    second = controller()
    try:
        bench.spin_until(lambda: simulation.steps > stopped + 10)
    finally:
        second.send_signal(signal.SIGINT)
        assert second.wait(10) == 0


@pytest.mark.parametrize("lockstep", [True, False])
def test_paused_it_steps_exactly_one_period_at_a_time(bench, lockstep):
    simulation, pilot = rig(bench, lockstep=lockstep)
    pause = pilot.create_client(SetBool, "simulation/pause")
    step = pilot.create_client(Trigger, "simulation/step")
    refused = bench.call(step, Trigger.Request())
    assert not refused.success
    assert refused.message == "not paused: pause first"
    bench.call(pause, SetBool.Request(data=True))
    start = simulation.steps
    bench.spin_for(0.2)
    assert simulation.steps == start
    for count in range(1, 11):
        answer = bench.call(step, Trigger.Request())
        # The answer comes when the step is done, not before and not after two.
        assert answer.message == f"at {simulation.time:.3f} s"
        assert simulation.steps == start + count
        assert simulation.time == pytest.approx((start + count) * 0.03, abs=0.0301)
    bench.call(pause, SetBool.Request(data=False))
    bench.spin_until(lambda: simulation.steps > start + 15)


@pytest.mark.timing
def test_free_running_it_holds_the_wall_clocks_pace(bench):
    simulation, _ = rig(bench, lockstep=False, real_time_factor=2.0, duration=3.0)
    bench.spin_until(lambda: simulation.finished)
    assert simulation.time / (simulation.ended - simulation.started) == pytest.approx(2.0, rel=0.1)
    assert simulation.timing.count >= 90


def test_free_running_without_commands_lets_the_motors_go_and_says_so(bench):
    simulation, pilot = rig(bench, law=lambda angles: np.full(5, 4e-4), lockstep=False)
    bench.spin_until(lambda: simulation.data.ctrl.all())
    pilot.answering = False
    bench.spin_until(lambda: not simulation.data.ctrl.any())
    bench.spin_until(lambda: pilot.said("motors off"))
    pilot.answering = True
    bench.spin_until(lambda: simulation.data.ctrl.all())


def test_free_running_time_stands_while_a_controller_is_configured_for_the_first_command(bench):
    pilot = bench.add(Probe())
    simulation = bench.add(Simulation(**options(**SWIM, lockstep=False)))
    # Nobody spins it, as while it compiles: it answers no service.
    controller = SwimmerController(**options())
    try:
        bench.spin_until(lambda: pilot.said("waiting for swimmer_controller to become active"))
        stood = simulation.time
        bench.spin_for(0.5)
        assert simulation.time == stood
        controller.start()
        bench.spin_until(lambda: simulation.time > stood + 0.1)
    finally:
        controller.destroy_node()


def test_free_running_refuses_commands_to_observations_long_past(bench):
    simulation, pilot = rig(bench, lockstep=False)
    pilot.answering = False
    bench.spin_until(lambda: simulation.time > 0.5)
    pilot.command.publish(joint_state(0, pilot.names, effort=np.full(5, 4e-4)))
    bench.spin_until(lambda: pilot.said("it answers an observation 0."))
    assert not simulation.data.ctrl.any()


def test_free_running_a_command_that_is_stamped_ahead_moves_nothing(bench):
    simulation, pilot = rig(bench, lockstep=False)
    pilot.answering = False
    names = [f"joint_{i}" for i in range(1, 6)]
    for ahead in (3600.0, 1.0):
        stamp = simulation.stamp + round(ahead * 1e9)
        pilot.command.publish(joint_state(stamp, names, effort=np.full(5, 4e-4)))
        bench.spin_until(lambda: pilot.said("ahead of simulated time"))
    bench.spin_for(0.1)
    assert not simulation.data.ctrl.any()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"model": "fish.xml"}, "no file 'fish.xml' in sim: there are .*swimmer.xml"),
        ({"model": "/nowhere/x.xml"}, "no file /nowhere/x.xml"),
        ({"model": "no.module:f"}, "no model 'no.module:f' is registered"),
        ({"model": "neuro_control.swimmer.simulation.tasks:fly"}, "tasks:fly' is registered"),
        ({"model": "math:sqrt", "model_arguments": "x: 4"}, "'math:sqrt' is registered: give"),
        ({**SWIM, "model_arguments": "[" * 3000}, "model_arguments is no YAML: it nests deeper"),
        ({**SWIM, "model_arguments": "links: 2"}, "3 to 100 links, not 2"),
        ({**SWIM, "model_arguments": "legs: 2"}, "unexpected keyword argument 'legs'"),
        ({**SWIM, "model_arguments": "6"}, "mapping like 'links: 6'"),
        ({**SWIM, "model_arguments": "{"}, "no YAML"),
        ({**SWIM, "observation_period": 0.0311}, "no multiple of the model's time step"),
        ({**SWIM, "real_time_factor": 0.0}, "real_time_factor lies between 0.01 and 100"),
    ],
)
def test_a_simulation_that_cannot_be_is_refused_with_what_would_be_right(bench, values, says):
    with pytest.raises(ConfigurationError, match=says):
        Simulation(**options(**values))


def test_a_model_file_that_does_not_compile_is_refused(bench, tmp_path):
    path = tmp_path / "broken.xml"
    path.write_text("<mujoco><worldbody><joint/></worldbody></mujoco>")
    with pytest.raises(ConfigurationError, match="does not compile"):
        Simulation(**options(model=str(path)))


@pytest.mark.timing
def test_diagnostics_say_mode_pace_and_latency(bench):
    simulation, pilot = rig(bench)
    heard = []
    pilot.create_subscription(DiagnosticArray, "/diagnostics", lambda m: heard.extend(m.status), 10)
    bench.spin_until(lambda: simulation.steps > 50 and len(heard) >= 2)
    values = {v.key: v.value for v in heard[-1].values}
    assert heard[-1].name == "simulation: simulation"
    assert values["mode"] == "lockstep"
    assert float(values["real_time_factor"]) > 1
    assert float(values["latency_p50_ms"]) > 0


def test_no_peer_can_have_a_recording_written_over_a_file(bench, tmp_path):
    kept = tmp_path / "diary.npz"
    kept.write_text("dear diary")
    simulation, _ = rig(bench)
    probe = bench.add(Probe())
    client = probe.create_client(SetParameters, "simulation/set_parameters")
    recording = Parameter("recording", value=str(kept)).to_parameter_msg()
    (result,) = bench.call(client, SetParameters.Request(parameters=[recording])).results
    assert not result.successful
    assert "read-only parameter: recording" in result.reason
    reset = probe.create_client(Trigger, "simulation/reset")
    assert bench.call(reset, Trigger.Request()).success
    simulation.stop()
    assert kept.read_text() == "dear diary"


def test_the_environment_is_registered():
    assert gymnasium.spec("neuro_control/SwimmerSwim-v0").id == "neuro_control/SwimmerSwim-v0"


def test_a_recording_that_cannot_be_written_is_told_in_one_line():
    done = subprocess.run(
        [
            *(sys.executable, str(ROOT / "bin" / "simulation"), "--ros-args"),
            *("-p", "duration:=0.1", "-p", "lockstep:=false", "-p", "recording:=/proc/no/r.npz"),
        ],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if line.startswith("error: ")] == [
        "error: simulation did not end well: [Errno 2] No such file or directory: '/proc/no'"
    ]
    assert "Traceback" not in done.stderr


@pytest.mark.timing
def test_free_running_whoever_catches_up_still_hears_the_answers(bench):
    simulation = bench.add(
        Simulation(**options(model="neuro_control.quadruped.simulation.body:world", lockstep=False))
    )
    advance, went = simulation.pacing.advance_to, []

    def counted(*arguments):
        before = simulation.steps
        advance(*arguments)
        went.append(simulation.steps - before)

    simulation.pacing.advance_to = counted
    bench.spin_until(lambda: simulation.steps > 5)
    time.sleep(0.06)  # the process got no time
    bench.spin_until(lambda: simulation.steps > 80)
    assert max(went) == 2
