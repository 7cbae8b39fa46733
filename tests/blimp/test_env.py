# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Physics of the blimp against sums on paper, and its sensors and motors."""

import math
import os
import subprocess
import sys
import textwrap
import warnings

import gymnasium
import mujoco
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import neuro_control.envs  # noqa: F401  # registers the environments
from neuro_control.blimp.control.thrust_allocation import AllocationSettings, ThrustAllocation
from neuro_control.blimp.simulation import body as bodies
from neuro_control.blimp.simulation.conditions import (
    CASES,
    HEAVINESS,
    FlightConditions,
    conditions,
)
from neuro_control.blimp.simulation.env import BlimpAltitude
from neuro_control.blimp.simulation.world import max_thrust, world
from neuro_control.errors import ConfigurationError
from neuro_control.simulation import world as worlds

GRAVITY, AIR = 9.81, 1.204
A, B = 0.42, 0.277  # semi-axes of the hull, m
MASS, GONDOLA, ARM = 0.1625, 0.08, 0.32  # kg, kg, m


class Body(bodies.Body):
    """A blimp that takes commands in [-10, 10] through the thrust allocation."""

    def reset(self, rng):
        super().reset(rng)
        self.allocation = ThrustAllocation(AllocationSettings(max_thrust(self.model)))

    def step(self, command):
        super().step(self.allocation.step(command))


def flying(case="neutral", **changes):
    calm = {"noise": 0.0, "draught": 0.0, "delay": 0.0, "start": 1.0}
    body = Body(world(case, **{**calm, **changes}))
    body.reset(np.random.default_rng(0))
    return body


def still(body):
    """The same without spring and damper, which stand for the air of a room."""
    body.model.jnt_stiffness[:] = 0.0
    body.model.dof_damping[:6] = 0.0
    return body


def added_mass():
    """Of a prolate spheroid across its long axis, by Lamb's formula (Hydrodynamics, § 114)."""
    e = math.sqrt(1 - (B / A) ** 2)
    beta = 1 / e**2 - (1 - e**2) / (2 * e**3) * math.log((1 + e) / (1 - e))
    return beta / (2 - beta) * AIR * 4 / 3 * math.pi * A * B**2


def test_the_displaced_air_weighs_as_much_as_a_neutral_blimp():
    assert 4 / 3 * math.pi * A * B**2 * AIR == pytest.approx(MASS, rel=1e-3)
    body = flying()
    assert body.model.body_subtreemass[1] == pytest.approx(MASS)
    for _ in range(300):
        body.step(0.0)
    assert body.altitude == pytest.approx(1.0, abs=1e-6)


def test_the_air_that_moves_along_has_lambs_mass():
    assert flying().model.dof_armature[2] == pytest.approx(added_mass(), rel=1e-3)


def test_it_accelerates_by_thrust_over_its_own_and_the_airs_mass():
    body = still(flying())
    force = 0.02
    body.data.ctrl[:2] = force / 2
    body.data.act[:2] = force / 2
    mujoco.mj_step(body.model, body.data)
    acceleration = body.data.qvel[2] / body.model.opt.timestep
    assert acceleration == pytest.approx(force / (MASS + added_mass()), rel=2e-3)


def test_trim_thrust_bears_what_buoyancy_leaves_over():
    body = still(flying("heavy"))
    force = HEAVINESS * GRAVITY
    body.data.ctrl[:2] = force / 2
    body.data.act[:2] = force / 2
    mujoco.mj_step(body.model, body.data, 500)
    assert abs(body.data.qvel[2]) < 1e-6


def test_it_sinks_at_the_speed_at_which_drag_bears_the_rest():
    body = still(flying("heavy"))
    body.data.qpos[2] = 100.0
    mujoco.mj_step(body.model, body.data, 6000)
    # MuJoCo's ellipsoid: ρ C A v² over the area that meets the air, and a small viscous part.
    area = math.pi * A * B
    speed = math.sqrt(HEAVINESS * GRAVITY / (AIR * 0.75 * area))
    assert -body.data.qvel[2] == pytest.approx(speed, rel=5e-3)


def test_without_drag_what_falls_turns_its_weight_into_motion_of_both_masses():
    body = still(flying("heavy", drag=0.0))
    body.model.opt.viscosity = 0.0
    body.data.qpos[2] = start = 10.0
    mujoco.mj_step(body.model, body.data, 500)
    released = HEAVINESS * GRAVITY * (start - body.data.qpos[2])
    moving = 0.5 * (MASS + added_mass()) * body.data.qvel[2] ** 2
    assert moving == pytest.approx(released, rel=5e-3)
    assert released > 1e-3


def test_it_swings_as_a_pendulum_that_hangs_from_its_buoyancy():
    body = still(flying(drag=0.0))
    body.model.opt.viscosity = 0.0
    quaternion = body.data.qpos[3:7]
    tilt = 0.05
    quaternion[:] = [math.cos(tilt / 2), math.sin(tilt / 2), 0.0, 0.0]
    angles = []
    for _ in range(2000):
        mujoco.mj_step(body.model, body.data)
        angles.append(
            math.asin(2 * (quaternion[0] * quaternion[1] + quaternion[2] * quaternion[3]))
        )
    crossings = np.flatnonzero(np.diff(np.signbit(angles)))
    period = 2 * np.diff(crossings).mean() * body.model.opt.timestep
    # The centre is free to move aside, with the air's mass as well.
    model = body.model
    inertia = sum(model.body_inertia[model.body(name).id][0] for name in ("envelope", "gondola"))
    inertia += model.body_inertia[model.body("shaft").id][0] + model.dof_armature[3]
    coupling = GONDOLA * ARM
    effective = inertia + GONDOLA * ARM**2 - coupling**2 / (MASS + added_mass())
    assert period == pytest.approx(
        2 * math.pi * math.sqrt(effective / (coupling * GRAVITY)), rel=0.01
    )


def test_readings_are_whole_centimetres_that_scatter_about_the_truth():
    body = Body(world("neutral", start=1.0, noise=0.005, draught=0.0))
    body.reset(np.random.default_rng(0))
    readings = []
    for _ in range(2000):
        body.step(0.0)
        readings.append(body.distance)
    readings = np.array(readings)
    assert np.allclose(readings * 100, np.round(readings * 100), atol=1e-9)
    assert readings.mean() == pytest.approx(body.altitude, abs=1e-3)
    assert readings.std() == pytest.approx(math.hypot(0.005, 0.01 / math.sqrt(12)), rel=0.1)


def test_one_reading_in_five_is_lost_in_the_lossy_case():
    body = Body(world("lossy"))
    body.reset(np.random.default_rng(0))
    lost = []
    for _ in range(2000):
        body.step(2.0)
        lost.append(math.isnan(body.distance))
    assert np.mean(lost) == pytest.approx(0.2, abs=0.03)


def test_too_close_reads_as_minus_infinity():
    body = Body(world("heavy", start=0.05))
    body.reset(np.random.default_rng(0))
    assert body.distance == -math.inf


def test_propellers_stand_still_while_the_servo_turns():
    body = flying()
    for _ in range(10):
        body.step(5.0)
    thrusts = []
    for _ in range(12):
        body.step(-5.0)
        thrusts.append(body.data.ctrl[0])
    assert thrusts[:8] == [0.0] * 8
    assert all(thrust > 0 for thrust in thrusts[8:])
    assert body.data.qpos[body.model.joint("servo").qposadr[0]] == pytest.approx(math.pi, abs=0.05)
    assert body.thrust < 0


def test_small_commands_move_nothing_and_others_come_in_thirty_steps_of_a_curve():
    body = flying()
    full = max_thrust(body.model) / 2
    # The driver sends 9 + 3 |u| parts of 45; thrust grows with their power of 1.4.
    for command, parts in ((0.29, 0), (0.31, 10), (5.1, 24), (10.0, 39)):
        body.step(command)
        assert body.data.ctrl[0] == pytest.approx(full * (parts / 39) ** 1.4)


def test_a_command_acts_after_the_delay_and_none_before():
    body = flying(delay=0.2)
    thrusts = []
    for command in (5.0, 10.0, 0.0, 0.0, 0.0):
        body.step(command)
        thrusts.append(body.data.ctrl[0])
    full = max_thrust(body.model) / 2
    assert thrusts == pytest.approx([0.0, 0.0, full * (24 / 39) ** 1.4, full, 0.0])


def test_draughts_push_up_and_down_with_the_force_that_was_given():
    body = flying(draught=0.004)
    forces = []
    for _ in range(5000):
        body.step(0.0)
        forces.append(body.data.qfrc_applied[2])
    forces = np.array(forces)
    assert forces.std() == pytest.approx(0.004, rel=0.25)
    assert abs(forces.mean()) < 0.0015
    # Within five seconds they come and go.
    correlation = np.corrcoef(forces[50:], forces[:-50])[0, 1]
    assert correlation == pytest.approx(math.exp(-1), abs=0.2)
    assert (flying().data.qfrc_applied == 0.0).all()


def test_who_is_held_stays_where_it_started():
    body = flying("heavy")
    for _ in range(20):
        body.step(10.0)
        body.hold()
    assert body.altitude == pytest.approx(1.0)
    assert body.distance == pytest.approx(1.0)
    body.step(10.0)
    assert body.altitude > 1.0


def test_a_sagging_battery_loses_its_part_in_ten_minutes_of_full_power():
    body = flying("sagging")
    for _ in range(6001):
        body.step(10.0)
    assert body.data.ctrl[0] == pytest.approx(0.7 * max_thrust(body.model) / 2, rel=1e-3)


def test_gusts_never_exceed_half_a_metre_a_second_and_are_mostly_level():
    body = flying("gust")
    winds = []
    for _ in range(3000):
        body.step(2.5)
        winds.append(body.model.opt.wind.copy())
    winds = np.array(winds)
    assert np.linalg.norm(winds, axis=1).max() <= 0.5 + 1e-9
    assert winds[:, 0].std() == pytest.approx(0.2, rel=0.3)
    assert winds[:, 2].std() < 0.15 * winds[:, 0].std()


def test_the_same_seed_is_the_same_flight_and_the_model_is_as_before():
    def fly(body, seed):
        body.reset(np.random.default_rng(seed))
        for _ in range(100):
            body.step(3.0)
        return body.data.qpos.copy()

    body = Body(world("varied"))
    first, other, again = (fly(body, seed) for seed in (1, 2, 1))
    assert (first == again).all()
    assert not np.allclose(first, other)
    assert (first == fly(Body(world("varied")), 1)).all()


def test_the_environment_passes_gymnasiums_checks():
    environment = gymnasium.make("neuro_control/BlimpAltitude-v0")
    with warnings.catch_warnings():
        # Accelerations have no bounds to state.
        warnings.filterwarnings("ignore", message=".*Box observation space m.*imum value is .*inf")
        check_env(environment.unwrapped, skip_render_check=True)


def test_holding_the_set_point_earns_nearly_all():
    environment = gymnasium.make("neuro_control/BlimpAltitude-v0").unwrapped
    environment.reset(seed=0)
    _, reward, terminated, truncated, info = environment.step(np.array([0.0]))
    error = environment.set_point - environment.body.altitude
    assert reward == pytest.approx(1 / (1 + (error / 0.2) ** 2))
    assert info == {"tracking_altitude": reward}
    assert not terminated
    assert not truncated


@pytest.mark.parametrize("action", [np.zeros(2), np.array([np.nan]), np.array([np.inf])])
def test_an_action_that_is_none_is_refused(action):
    environment = gymnasium.make("neuro_control/BlimpAltitude-v0").unwrapped
    environment.reset(seed=0)
    with pytest.raises(ValueError, match="one finite number"):
        environment.step(action)


def test_cases_and_conditions_that_can_not_be_are_refused():
    with pytest.raises(ConfigurationError, match="there are heavy, neutral"):
        world("stormy")
    with pytest.raises(ConfigurationError, match="lost lies between 0 and 1"):
        FlightConditions(lost=1.5)
    with pytest.raises(ConfigurationError, match="mass lies between"):
        conditions("heavy", mass=float("nan"))
    assert set(CASES) == {"heavy", "neutral", "gust", "lossy", "sagging", "varied"}


def test_a_picture_needs_no_choice_of_a_graphics_backend():
    lines = """
        import gymnasium
        import neuro_control.envs
        from neuro_control.errors import ConfigurationError
        arguments = {"render_mode": "rgb_array", "width": 160, "height": 120}
        environment = gymnasium.make("neuro_control/BlimpAltitude-v0", **arguments)
        environment.reset(seed=0)
        try:
            picture = environment.render()
        except ConfigurationError as error:
            print(error)
        else:
            print(picture.shape, picture.std() > 10)
        environment.close()
    """
    variables = {k: v for k, v in os.environ.items() if k not in ("MUJOCO_GL", "DISPLAY")}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(lines)],
        capture_output=True, text=True, timeout=60, env=variables,
    )  # fmt: skip
    if "can't render" in done.stdout:
        pytest.skip(done.stdout)
    assert done.stdout.strip() == "(120, 160, 3) True", done.stderr


class Window:
    """Stands in for MuJoCo's viewer, which needs a display: remembers what it showed."""

    def __init__(self, model, data):
        self.data, self.times, self.open = data, [], True

    def show(self):
        self.times.append(self.data.time)

    def close(self):
        self.open = False


def test_the_human_mode_shows_every_step_until_it_is_closed(monkeypatch):
    opened = []

    def open_window(model, data):
        opened.append(Window(model, data))
        return opened[-1]

    monkeypatch.setattr("neuro_control.simulation.viewing.Window", open_window)
    environment = gymnasium.make("neuro_control/BlimpAltitude-v0", render_mode="human").unwrapped
    environment.reset(seed=0)
    for _ in range(3):
        environment.step(np.array([0.2]))
    (window,) = opened
    assert window.times == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert environment.render() is None
    environment.close()
    assert not window.open
    with pytest.raises(ConfigurationError, match="render_mode is None, 'human' or"):
        BlimpAltitude(render_mode="ansi")


def test_the_world_is_found_by_its_former_name():
    with pytest.warns(FutureWarning, match=r"neuro_control\.blimp\.env is now"):
        found = worlds.load("neuro_control.blimp.env:world", {"case": "neutral"})
    assert found.model.nu == 3
