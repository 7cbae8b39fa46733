# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The circuit beside an independent solution, its gaits, and what it tells of the future."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control import oscillators
from neuro_control.quadruped.control.command import RANGES, Command, gait
from neuro_control.quadruped.control.oscillators import NAMES, Oscillators
from neuro_control.quadruped.evaluation import lesions
from neuro_control.quadruped.evaluation.contact_schedules import expressed
from tests.bench import turns

PERIOD = 0.002
GO = gait("trot", forward=0.5)


def swings(rhythm, seconds, command=GO, **felt):
    """Which feet swing at each step, (T, 4)."""
    found = []
    for _ in range(round(seconds / PERIOD)):
        rhythm.step(command, PERIOD, **felt)
        found.append(~rhythm.stance)
    return np.array(found)


def begun(swinging):
    """When each foot begins to swing, s."""
    starts = swinging[1:] & ~swinging[:-1]
    return [np.flatnonzero(starts[:, foot]) * PERIOD for foot in range(4)]


def leads(swinging):
    """How long after RL the others begin to swing, cycles, (4,), in the mean, and the cycle, s."""
    starts = begun(swinging)
    cycle = np.diff(starts[2]).mean()
    turns = [
        np.exp(2j * np.pi * (own[own >= starts[2][0]][:3, None] - starts[2][None]) / cycle).mean()
        for own in starts
    ]
    return np.angle(turns) / (2 * np.pi) % 1.0, cycle


def settled(drive, seconds=8.0, load=0.0):
    rhythm = Oscillators(drive, load=load)
    swings(rhythm, seconds)
    return rhythm


# The circuit as the paper's table has it, limb by limb: what is heard by whom, in nS.
OTHER = {"FL": "FR", "FR": "FL", "RL": "RR", "RR": "RL"}
ALONG = {"FL": "RL", "FR": "RR", "RL": "FL", "RR": "FR"}


def table():
    heard = np.zeros((len(NAMES), len(NAMES)))

    def put(source, target, weight):
        heard[NAMES.index(target), NAMES.index(source)] = weight

    for limb in OTHER:
        other, along, diagonal = OTHER[limb], ALONG[limb], ALONG[OTHER[limb]]
        put(f"{limb} F", f"{limb} InF", 4)
        put(f"{limb} InF", f"{limb} E", -10)
        put(f"{limb} E", f"{limb} InE", 4)
        put(f"{limb} InE", f"{limb} F", -0.8)
        put(f"{limb} F", f"{limb} V0D", 7)
        put(f"{limb} V0D", f"{other} F", -0.7)
        put(f"{limb} E", f"{limb} V0D2", 4)
        put(f"{limb} V0D2", f"{other} F", -0.3)
        put(f"{limb} F", f"{limb} V2a", 10)
        put(f"{limb} V2a", f"{limb} V0V", 10)
        put(f"{limb} V0V", f"{other} InV0V", 6)
        put(f"{limb} InV0V", f"{limb} F", -0.7)
        put(f"{limb} F", f"{limb} V3", 3.5)
        put(f"{limb} V3", f"{other} F", 0.3)
        put(f"{limb} E", f"{limb} Hom", 5)
        put(f"{limb} Hom", f"{along} F", 0.1 if limb[0] == "F" else 1.25)
        put(f"{limb} F", f"{limb} V2aDiag", 5)
        put(f"{limb} V2aDiag", f"{limb} V0VDiag", 9)
        put(f"{limb} V0VDiag", f"{diagonal} F", 0.2 if limb[0] == "F" else 0.65)
        if limb[0] == "F":
            put(f"{limb} F", f"{limb} InHom", 7)
            put(f"{limb} InHom", f"{along} F", -0.1)
            put(f"{limb} F", f"{limb} V0DDiag", 5)
            put(f"{limb} V0DDiag", f"{diagonal} F", -0.75)
    return heard


def rates(state, heard, alpha):
    """The circuit's equations once more, in NumPy."""
    v, h = state[: len(NAMES)], state[len(NAMES) :]
    kinds = np.array([name.split()[1] for name in NAMES])
    active = np.clip((v + 50) / 50, 0, 1)
    excitation = np.maximum(heard, 0) @ active + alpha * (kinds == "F") + (kinds == "E")
    inhibition = np.maximum(-heard, 0) @ active
    inhibition += 1.5 * alpha * (kinds == "V0V")
    inhibition += 7.5 * alpha * np.isin(kinds, ["V0D", "V0DDiag"])
    half = np.arange(len(NAMES)) < 8
    current = np.where(half, 4.5 * (v + 62.5), 2.8 * (v + 60))
    current += excitation * (v + 10) + inhibition * (v + 75)
    current[:8] += 4.5 * h / (1 + np.exp(-(v[:8] + 40) / 6)) * (v[:8] - 50)
    tau = 80 + 80 / np.cosh((v[:8] + 35) / 15)
    return np.concatenate([-current / 10, (1 / (1 + np.exp((v[:8] + 45) / 4)) - h) / tau])


def test_the_circuit_is_the_papers_and_goes_its_way_beside_runge_kutta():
    drive, heard, dt = 0.5, table(), 0.1
    rhythm = settled(drive)
    state = np.concatenate([rhythm._voltages, rhythm._inactivations])
    theirs = []
    for _ in range(round(1000 / np.sqrt(10) / dt)):
        a = rates(state, heard, 1.05 * drive)
        b = rates(state + dt / 2 * a, heard, 1.05 * drive)
        c = rates(state + dt / 2 * b, heard, 1.05 * drive)
        d = rates(state + dt * c, heard, 1.05 * drive)
        state = state + dt / 6 * (a + 2 * b + 2 * c + d)
        theirs.append(state[:4] > state[4:8])
    fine = np.array(theirs)
    # Steps of 0.3 ms make the rhythm 2 % slower.
    for own, starts in zip(begun(swings(rhythm, 1.0)), (fine[1:] & ~fine[:-1]).T, strict=True):
        times = np.flatnonzero(starts) * dt * np.sqrt(10) / 1000
        np.testing.assert_allclose(own, times[: len(own)], atol=0.03)


@pytest.mark.parametrize(
    ("drive", "name"),
    [(0.08, "walk"), (0.4, "trot"), (0.7, "trot"), (0.9, "gallop"), (1.0, "bound")],
)
def test_the_gait_follows_from_the_drive(drive, name):
    found, _ = leads(swings(settled(drive, 12.0), 4.0))
    assert expressed(found) == name


@pytest.mark.parametrize(
    ("lesion", "drive", "name"),
    [("no V0V", 0.4, "bound"), ("no V0", 0.1, "bound"), ("no V0D", 0.4, "trot")],
)
def test_a_circuit_without_some_of_its_neurons_goes_as_a_mutant_without_them(lesion, drive, name):
    # Danner et al.: without V0V no trot, without V0 a bound at all speeds.
    assert lesions._oscillate(lesions._Circuit("intact", drive))["gait"] != "bound"
    assert lesions._oscillate(lesions._Circuit(lesion, drive))["gait"] == name


def test_neurons_that_there_are_not_can_not_be_silenced():
    with pytest.raises(ConfigurationError, match="no neurons of the kind 'V9': there are F, E,"):
        Oscillators(silenced=["V9"])


def test_the_feet_of_a_walk_come_in_the_lateral_sequence():
    found, _ = leads(swings(settled(0.06), 5.0))
    np.testing.assert_allclose(found, [0.25, 0.75, 0.0, 0.5], atol=0.05)


def test_left_and_right_alternate_in_a_trot_and_a_limbs_half_centres_always():
    rhythm = settled(0.5)
    found, cycle = leads(swings(rhythm, 2.0))
    assert abs(found[1] - found[0]) == pytest.approx(0.5, abs=0.01)
    assert found[3] == pytest.approx(0.5, abs=0.01)
    voltages = []
    for _ in range(round(cycle / PERIOD)):
        rhythm.step(GO, PERIOD)
        voltages.append(rhythm._voltages[:8].copy())
    flexors, extensors = np.split(np.array(voltages), 2, axis=1)
    for foot in range(4):
        assert np.corrcoef(flexors[:, foot], extensors[:, foot])[0, 1] < -0.6


def test_it_steps_faster_with_more_drive_and_as_its_table_says():
    last = 0.0
    for drive, swing, stand in zip(
        oscillators.DRIVES, oscillators.SWINGS, oscillators.STANDS, strict=True
    ):
        swinging = swings(settled(drive), 6.0)
        _, cycle = leads(swinging)
        assert 1 / cycle > last
        last = 1 / cycle
        assert cycle == pytest.approx(swing + stand, rel=0.03)
        assert cycle * swinging.mean() == pytest.approx(swing, rel=0.05)


@pytest.mark.parametrize("drive", [0.08, 0.4])
@pytest.mark.parametrize("seed", range(3))
def test_any_state_comes_to_the_same_rhythm(drive, seed):
    rng = np.random.default_rng(seed)
    rhythm = Oscillators(drive, load=0.0)
    swings(rhythm, 1.0)
    rhythm._voltages[:] = rng.uniform(-65, -20, len(NAMES))
    rhythm._inactivations[:] = rng.uniform(0.2, 0.8, 8)
    swings(rhythm, 14.0)
    found, cycle = leads(swings(rhythm, 5.0))
    expected, same = leads(swings(settled(drive, 15.0), 5.0))
    np.testing.assert_allclose((found - expected + 0.5) % 1.0, 0.5, atol=0.03)
    assert cycle == pytest.approx(same, rel=0.01)


def test_a_mirrored_state_goes_a_mirrored_way():
    one, other = settled(0.85, 3.0), Oscillators(0.85, load=0.0)
    swings(other, 3.0)
    swap = [NAMES.index(f"{name[0]}{'LR'['RL'.index(name[1])]}{name[2:]}") for name in NAMES]
    other._voltages[:] = one._voltages[swap]
    other._inactivations[:] = one._inactivations[swap[:8]]
    np.testing.assert_array_equal(swings(one, 0.2)[:, [1, 0, 3, 2]], swings(other, 0.2))


def test_it_rests_when_a_stand_is_commanded_and_finishes_its_steps():
    rhythm = settled(0.5)
    swinging = swings(rhythm, 3.0, gait("stand"))
    assert rhythm.drive == 0.0
    assert rhythm.duration == 1.0
    assert not swinging[-500:].any()
    lasted = [
        swinging[round(start / PERIOD) + 1 :, foot].argmin() * PERIOD
        for foot, starts in enumerate(begun(swinging))
        for start in starts
    ]
    assert min(lasted) > 0.15
    assert rhythm.stance.all()


def test_from_rest_one_diagonal_goes_first():
    rhythm = Oscillators()
    assert not swings(rhythm, 1.0, gait("stand")).any()
    swinging = swings(rhythm, 3.0, gait("walk", forward=0.1))
    first = [starts[0] for starts in begun(swinging)]
    assert max(first[1], first[2]) < min(first[0], first[3])
    assert swinging.sum(axis=1).max() == 2


def test_feet_that_have_to_step_do_so_though_a_stand_is_commanded():
    assert swings(Oscillators(), 2.0, gait("stand"), longest=0.7).any(axis=0).all()


def test_the_drive_follows_the_speed_and_a_push():
    def after(velocity_error=0.0, **numbers):
        rhythm = Oscillators()
        swings(rhythm, 2.0, gait("trot", **numbers))
        swings(rhythm, 1.0, gait("trot", **numbers), velocity_error=velocity_error)
        return rhythm.drive

    assert after(forward=0.8) == pytest.approx(0.5)
    assert after(left=-0.4) == pytest.approx(0.25)
    assert after(yaw_rate=1.0) == pytest.approx(0.3 / 1.6)
    assert after() == pytest.approx(0.06)
    assert after(forward=1.6, yaw_rate=1.0) == 1.0
    assert after(forward=0.4, velocity_error=0.5) == pytest.approx(0.25 + 0.3 / 1.6)
    assert after(forward=0.4, velocity_error=2.0) == pytest.approx(0.5)
    assert after(forward=1.2, velocity_error=2.0) == pytest.approx(0.75)


@pytest.mark.parametrize("drive", [0.08, 0.3, 0.6, 0.95])
def test_phases_tell_when_feet_will_come_and_go(drive):
    rhythm = settled(drive, 10.0)
    foretold, swinging = [], []
    for _ in range(2000):
        rhythm.step(GO, PERIOD)
        swinging.append(~rhythm.stance)
        lands = np.where(swinging[-1], 1.0, rhythm.duration)
        foretold.append((lands - rhythm.phases) / rhythm.frequency)
    swinging, foretold = np.array(swinging), np.array(foretold)
    for foot in range(4):
        changes = np.flatnonzero(swinging[1:, foot] != swinging[:-1, foot]) + 1
        for change in changes[changes > 500]:
            # A twentieth of a second ahead.
            assert foretold[change - 25, foot] == pytest.approx(0.05, abs=0.02)


def test_a_loaded_foot_stands_longer_and_one_that_touches_swings_shorter():
    free, loaded = settled(0.1, load=0.2), settled(0.1, load=0.2)
    assert (
        leads(swings(loaded, 6.0, forces=np.full(4, 30.0)))[1] > 1.03 * leads(swings(free, 6.0))[1]
    )

    def lasts(forces):
        rhythm = settled(0.1, load=0.4)
        for _ in turns(5000, "the limb swings"):
            if rhythm._swinging[0] and rhythm._clocks[0] >= 0.2:
                break
            rhythm.step(GO, PERIOD)
        for steps in turns(5000, "the limb stands"):
            if not rhythm._swinging[0]:
                return steps * PERIOD
            rhythm.step(GO, PERIOD, forces=forces)
        return None

    assert lasts(np.array([80.0, 0.0, 0.0, 0.0])) < lasts(np.zeros(4)) - 0.02


@given(
    st.lists(
        st.tuples(
            st.tuples(*(st.floats(low, high) for low, high in RANGES.values())),
            st.floats(0.6, 1.0),
            st.floats(0.0, 5.0),
            st.lists(st.floats(-10.0, 1000.0), min_size=4, max_size=4),
        ),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=25, deadline=None)
def test_whatever_is_commanded_and_measured_phases_are_finite(course):
    rhythm = Oscillators()
    for numbers, longest, astray, forces in course:
        for _ in range(150):
            rhythm.step(Command(*numbers), PERIOD, longest, np.array(forces), astray)
            assert (rhythm.phases >= 0).all()
            assert (rhythm.phases < 1).all()
            assert 0.3 < rhythm.duration <= 1.0
            assert 0.3 < rhythm.frequency < 6.0
            assert 0.0 <= rhythm.drive <= 1.0
            np.testing.assert_array_equal(rhythm.stance, ~rhythm._swinging)


def test_a_second_run_is_the_same_to_the_bit():
    one, other = Oscillators(), Oscillators()
    swings(one, 1.0)
    one.reset(GO)
    np.testing.assert_array_equal(swings(one, 2.0), swings(other, 2.0))
    np.testing.assert_array_equal(one._voltages, other._voltages)


@pytest.mark.parametrize("numbers", [{"drive": 1.1}, {"drive": float("nan")}, {"load": -0.1}])
def test_numbers_out_of_range_are_refused(numbers):
    with pytest.raises(ConfigurationError, match="lies between 0 and 1"):
        Oscillators(**numbers)
