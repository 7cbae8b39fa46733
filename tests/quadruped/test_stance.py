# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Forces against sums on paper."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.quadruped.control import kinematics
from neuro_control.quadruped.control.command import GAITS, gait
from neuro_control.quadruped.control.gait_scheduler import leads
from neuro_control.quadruped.control.robots import GO2
from neuro_control.quadruped.control.stance import Stance, StanceSettings
from neuro_control.quadruped.control.tracking import MOTION, REFERENCE
from neuro_control.quadruped.control.types import FORWARD, LEFT

WEIGHT = GO2.mass * 9.81
LEVERS = np.stack([0.2 * FORWARD, 0.14 * LEFT, np.full(4, -0.3)], axis=1)


def jacobians():
    position, found = np.empty(3), np.empty((4, 3, 3))
    for i in range(4):
        kinematics.foot(GO2.legs[i], np.array([0.0, 0.9, -1.8]), position, found[i])
    return found


def forces(
    error=(0.0,) * 12,
    reference=(0.0,) * 3,
    yaw_rate=0.0,
    unknown=(0.0,) * 6,
    name="stand",
    slope=(0.0, 0.0),
    phases=None,
    **settings,
):
    phases = leads(gait(name)) if phases is None else phases
    duration = GAITS[name]["duration"]
    motion, followed = np.zeros(1, MOTION), np.zeros(1, REFERENCE)
    motion["error"], motion["unknown"], motion["slope"] = error, unknown, slope
    motion["stance"] = phases < duration
    motion["levers"] = motion["footholds"] = LEVERS
    motion["jacobians"] = jacobians()
    followed["velocity"] = *reference[:2], yaw_rate
    followed["phases"], followed["duration"], followed["frequency"] = phases, duration, 3.0
    return Stance(GO2, StanceSettings(**settings)).forces(motion, followed)


def wrench(found):
    return np.concatenate([np.cross(LEVERS, found).sum(0), found.sum(0)])


def test_a_standing_robot_bears_its_weight_evenly():
    found = forces()
    np.testing.assert_allclose(found, np.tile([0, 0, WEIGHT / 4], (4, 1)), atol=0.3)


def test_a_trot_bears_it_on_two_feet():
    found = forces(name="trot")
    np.testing.assert_allclose(found[[0, 3]], 0.0)
    assert found[:, 2].sum() == pytest.approx(WEIGHT, rel=0.02)


@pytest.mark.parametrize("axis", range(6))
def test_an_error_is_answered_by_the_opposite_push(axis):
    for kind in (0, 6):
        error = np.zeros(12)
        error[kind + axis] = 0.02
        assert (wrench(forces(error)) - wrench(forces()))[axis] < 0


def test_an_unknown_acceleration_is_made_up_for():
    unknown = np.array([0, 0, 0, 0.5, -0.4, -1.0])
    change = wrench(forces(unknown=unknown)) - wrench(forces())
    np.testing.assert_allclose(change[3:], -unknown[3:] * GO2.mass, rtol=0.1)


def test_a_curve_is_pushed_inwards():
    change = wrench(forces(reference=[1.0, 0, 0], yaw_rate=1.0, name="trot")) - wrench(
        forces(reference=[1.0, 0, 0], name="trot")
    )
    # At most the whole centripetal force: a part is left for when the trunk leans.
    assert 0.3 * GO2.mass < change[4] < 1.1 * GO2.mass


@given(
    st.lists(st.floats(-1, 1), min_size=12, max_size=12),
    st.sampled_from(["stand", "trot", "walk", "bound", "pace"]),
)
def test_friction_and_torques_are_minded_whatever_the_error(error, name):
    found = forces(np.array(error), name=name)
    standing = leads(gait(name)) < GAITS[name]["duration"]
    assert not found[~standing].any()
    assert (found[standing, 2] >= 4.0 - 1e-6).all()
    assert (np.abs(found[:, :2]) <= 0.45 * found[:, 2:] + 1e-6).all()
    torques = np.einsum("faj,fa->fj", jacobians(), found)
    assert (np.abs(torques) <= np.array(GO2.torque) + 1e-6).all()


def test_friction_is_minded_against_the_grounds_own_normal():
    slope = np.array([0.3, -0.1])
    error = np.zeros(12)
    error[9] = 2.0  # far too fast uphill: it brakes as hard as it may
    found = forces(error, slope=slope)
    normal = found @ [-slope[0], -slope[1], 1.0]
    along = found[:, :2] + found[:, 2:] * slope
    assert (np.abs(along) <= 0.45 * normal[:, None] + 1e-6).all()
    assert np.isclose(np.abs(along), 0.45 * normal[:, None], atol=1e-6).any()


def test_nothing_pushes_in_flight():
    assert not forces(name="trot", phases=np.full(4, 0.7)).any()


def test_a_changed_friction_counts():
    error = np.zeros(12)
    error[9] = 2.0  # far too fast: it brakes as hard as it may
    found = forces(error, friction=0.2)
    assert (np.abs(found[:, 0]) <= 0.2 * found[:, 2] + 1e-6).all()
    assert np.isclose(np.abs(found[:, 0]), 0.2 * found[:, 2], atol=1e-6).any()
