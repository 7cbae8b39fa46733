# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from neuro_control.blimp.control.altimeter import AltimeterSettings
from neuro_control.blimp.control.altitude import AltitudeController, AltitudeSettings
from neuro_control.blimp.control.genome import Genome, NetworkDesign
from neuro_control.blimp.control.laws import make_law, pid_settings
from neuro_control.blimp.control.pid import PIDSettings
from neuro_control.blimp.control.spiking_controller import SpikingController
from neuro_control.blimp.evaluation.metrics import metrics
from neuro_control.blimp.evaluation.rollout import rollout
from neuro_control.blimp.evaluation.trajectory import Trajectory
from neuro_control.blimp.simulation.body import Body
from neuro_control.blimp.simulation.heave import (
    Disturbances,
    networks_of,
    pids_of,
    plant_of,
    simulate,
)
from neuro_control.blimp.simulation.world import world
from neuro_control.blimp.training.population_code import CODE
from neuro_control.blimp.training.tunable import TunableCode, TunableNetworks, TunablePID
from neuro_control.blimp.training.tune import TuningRun, TuningSettings
from neuro_control.blimp.training.tuning_flights import draw_flights, flight_cost
from neuro_control.errors import ConfigurationError

PD, INTEGRAL = NetworkDesign("pd", "lif"), NetworkDesign("i", "iwta")


def follower():
    """A controller that answers an error by some thrust its way: one pair does it."""
    vectors = []
    for design in (PD, INTEGRAL):
        parts = {name: np.zeros(shape) for name, shape in design.structure.shapes.items()}
        parts["encoder_threshold"] += 10.0
        parts["threshold"] += 10.0
        if design is PD:
            for k, threshold in enumerate(np.linspace(0.05, 1.5, 10)):
                parts["encoder_weight"][k] = 2.0
                parts["encoder_threshold"][k] = threshold
                parts["weight_same"][k] = 2.0
                parts["threshold"][k] = 1.0
                parts["readout"][k] = 1.0
            parts["readout_decay"] = np.array(0.3)
        vectors.append(design.structure.vector(parts))
    return SpikingController(Genome(PD, vectors[0]), Genome(INTEGRAL, vectors[1]))


def test_networks_fly_the_heave_dynamics_as_they_fly_mujocos():
    controller = follower()
    controllers = networks_of(
        (PD, controller.pd.vector[None]), (INTEGRAL, controller.integral.vector[None])
    )
    # Proportional alone it swings about the set-point, further than any other.
    assert apart(controller, controllers, (1.0, 2.0))[:250].max() < 0.01


@pytest.mark.parametrize(
    "changes", [{}, {"mass": 1.3, "thrust": 0.8, "drag": 1.2}, {"heaviness": 0.008}]
)
def test_heave_dynamics_are_mujocos_to_a_centimetre(changes):
    pid = make_law("pid-filtered")
    controllers = pids_of(pid.settings.numbers[None])
    difference = apart(pid, controllers, (1.0, 2.0, 0.8), **changes)
    assert difference[:250].max() < 0.01
    assert difference.max() < 0.05


def apart(law, controllers, course, **changes):
    """Distance (T,), m, of the heave dynamics' flight from MuJoCo's, 15 s at each altitude."""
    given = world("heavy", noise=0.0, draught=0.0, start=1.0, **changes)
    settings = AltitudeSettings(
        floor=0.0, ceiling=100.0, altimeter=AltimeterSettings(stuck_timeout=1e9)
    )
    flight = rollout(Body(given), AltitudeController(law, settings), 0, course, 15.0)
    assert np.ptp(flight.altitude) > 0.5
    calm = np.zeros((1, len(flight.time)))
    # The lidar's age is drawn between other draws in the simulation; it shifts it by millimetres.
    age = np.random.default_rng(0).uniform(size=calm.shape)
    start, held = np.array([1.0]), np.zeros(1, np.int64)
    disturbances = Disturbances(age, calm, calm, calm, calm, start, held)
    plant = plant_of(given, 0.2)
    altitudes = simulate(controllers, flight.set_point[None], plant, disturbances)
    return np.abs(altitudes[0, 0] - flight.altitude)


def test_the_cost_of_a_flight_is_the_sum_of_its_errors():
    set_points = np.repeat([[1.0, 2.0, 1.0, 1.5]], 400, axis=1)
    assert flight_cost(set_points.copy(), set_points) == 0.0
    late = set_points.copy()
    late[0, 400:500] = 2.3  # overshoots by 0.3 m for 10 s, then is exact
    expected = 2 * np.sqrt(0.09 * 100 / 1600) + (0.75 * 0.3 + 0.1) / 3
    assert flight_cost(late, set_points) == pytest.approx(expected)
    off = set_points.copy()
    off[0, 1500:] += 0.08  # upwards at the end of a step up, and never out of what has settled
    expected = 2 * np.sqrt(0.0064 * 100 / 1600) + (0.08 + 0.08 + 0.06) / 3
    assert flight_cost(off, set_points) == pytest.approx(expected)


def test_flights_are_drawn_alike_by_one_seed_and_within_their_spread():
    first, again = (draw_flights(np.random.default_rng(5), 50) for _ in range(2))
    for one, other in zip(first[:2], again[:2], strict=True):
        np.testing.assert_array_equal(one, other)
    set_points, plants, disturbances = first
    assert set_points.shape == (50, 1600)
    assert 0.4 <= set_points.min() <= set_points.max() <= 1.9
    changes = np.abs(np.diff(set_points[:, ::400], axis=1))
    assert np.median(changes) > 0.5
    level = plant_of(_neutral(), 0.0)
    for name in ("mass", "thrust", "drag"):
        ratios = plants[name] / level[name]
        assert ratios.min() >= 0.7
        assert ratios.max() <= 1.3
    assert set(np.unique(disturbances.lost)) == {0.0, 1.0}


def _neutral():
    body = Body(world("neutral"))
    body.reset(np.random.default_rng(0))
    return body.world


def test_a_tuning_that_was_interrupted_comes_to_the_same_and_is_no_worse(tmp_path):
    start = TunableNetworks(follower())
    whole = TuningRun(tmp_path / "whole", start, TuningSettings(1, 6, 8, 2, 2))
    whole.resume()
    part = TuningRun(tmp_path / "part", start, TuningSettings(1, 2, 8, 2, 2))
    part.resume()
    resumed = TuningRun(tmp_path / "part", start, TuningSettings(1, 6, 8, 2, 2))
    assert resumed.done == 2
    resumed.resume()
    np.testing.assert_array_equal(whole.best, resumed.best)
    np.testing.assert_array_equal(whole.curve, resumed.curve)
    assert whole.curve[:, 1].min() <= whole.curve[0, 1]
    loaded = SpikingController.load(whole.file)
    np.testing.assert_array_equal(loaded.pd.vector, whole.best[: len(loaded.pd.vector)])
    with pytest.raises(ConfigurationError, match=r"another training \(seed differ\)"):
        TuningRun(tmp_path / "part", start, TuningSettings(2, 6, 8, 2, 2))


def test_a_pid_is_tuned_on_the_same_flights_and_its_file_is_the_pid(tmp_path):
    run = TuningRun(tmp_path, TunablePID(PIDSettings()), TuningSettings(0, 6, 8, 2, 2))
    run.resume()
    settings = pid_settings(str(run.file))
    np.testing.assert_allclose(settings.numbers[:4], run.best, atol=1e-4)
    assert run.curve[:, 1].min() < run.curve[0, 1]
    assert settings.anti_windup == "conditional"


def test_a_population_code_does_a_pids_work_and_is_written_down_as_networks(tmp_path):
    code = TunableCode()
    law = code.controller(code.mean)
    # A command that grows with the error, and the same with the other sign.
    answers = []
    for error in (0.05, 0.1, 0.2, 0.4):
        law.reset()
        answers.append(np.mean([law.step(error) for _ in range(20)]))
    assert (np.diff(answers) > 0).all()
    # An error that shrinks is answered by less than one that stays.
    law.reset()
    shrinking = [law.step(0.6 - 0.03 * k) for k in range(14)][-1]
    law.reset()
    staying = [law.step(0.21) for _ in range(14)][-1]
    assert shrinking < staying - 1.0
    # A small error that stays drives the integral on to 8 of 10 and back.
    law.reset()
    climbed = [law.step(0.1) for _ in range(1500)][-1]
    assert climbed > 8.0
    code.save(tmp_path / "controller.safetensors", code.mean, {})
    loaded = SpikingController.load(tmp_path / "controller.safetensors")
    assert loaded.facts["code"]["d_lowest"] == CODE["d_lowest"][2]
    np.testing.assert_array_equal(loaded.pd.vector, law.pd.vector)


def test_a_flight_without_a_step_has_an_rmse_and_no_overshoot():
    zeros = np.zeros(50)
    flight = Trajectory(zeros, zeros, zeros + 0.1, zeros, np.zeros((50, 0)), (), 0)
    found = metrics(flight)
    assert found["rmse_m"] == pytest.approx(0.1)
    assert np.isnan(found["overshoot_up_m"])


def test_metrics_are_those_of_a_flight_worked_out_by_hand():
    set_point = np.repeat([1.0, 2.0, 1.5], 200)
    altitude = set_point.copy()
    altitude[200:210] = 2.4
    altitude[400:420] = 1.3
    altitude[500:] += 0.02
    zeros = np.zeros(600)
    thrust = np.full(600, 0.05)
    neurons = ("pd_encoder_0", "integral_encoder_0")
    flight = Trajectory(zeros, set_point, altitude, thrust, np.ones((600, 2)), neurons, 1200)
    found = metrics(flight)
    assert found["overshoot_up_m"] == pytest.approx(0.4)
    assert found["overshoot_down_m"] == pytest.approx(0.2)
    assert found["sse_m"] == pytest.approx(0.01)
    assert found["sse_worst_m"] == pytest.approx(0.02)
    assert found["settling_s"] == pytest.approx((1.0 + 2.0) / 2)
    assert found["spikes_per_s"] == pytest.approx(20.0)
    assert found["synops_per_s"] == pytest.approx(20.0)
    # Momentum theory: each propeller, T^1.5 / sqrt(2 ρ A), for a minute.
    power = 2 * 0.025**1.5 / np.sqrt(2 * 1.204 * np.pi * 0.032**2)
    assert found["energy"] == pytest.approx(60 * power)
