# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Failures of components, against values worked out by hand on a cart with one motor."""

import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.errors import ConfigurationError
from neuro_control.simulation.failures import KINDS, Failure, parse
from tests.simulation.test_effects import PERIOD, Episode, world

# Where the rail's position lies among the readings, and steps before a failure is switched on.
POSITION, BEFORE = 0, 5


def steps(episode, count, force=1.0):
    return np.array([episode.step(force) for _ in range(count)])


def moving(failures):
    """Readings before and after failures are switched on, and the same without a failure."""
    episode, whole = Episode(world(), seed=1), Episode(world(), seed=1)
    before = steps(episode, BEFORE)
    episode.effects.inject(parse(failures))
    return before, steps(episode, 40), steps(whole, BEFORE + 40)[BEFORE:]


def test_a_sensor_that_is_off_gives_no_number_and_others_go_on():
    _, found, truth = moving("rail_position off")
    assert np.isnan(found[:, POSITION]).all()
    np.testing.assert_array_equal(found[:, 1:], truth[:, 1:])


def test_a_stuck_sensor_repeats_the_first_reading_after_the_switch():
    _, found, truth = moving("rail_position stuck")
    assert set(found[:, POSITION]) == {truth[0, POSITION]}


def test_garbage_lies_between_its_bounds_and_says_nothing_of_the_truth():
    _, found, truth = moving("rail_position garbage 3")
    numbers = found[:, POSITION]
    assert abs(numbers).max() < 3
    assert numbers.std() == pytest.approx(3 / np.sqrt(3), rel=0.25)
    assert len(set(numbers)) == len(numbers)
    assert not np.isclose(numbers, truth[:, POSITION]).all()


def test_a_wrong_sensor_is_off_by_its_number():
    _, found, truth = moving("rail_position wrong -0.25")
    np.testing.assert_allclose(found[:, POSITION], truth[:, POSITION] - 0.25, rtol=0, atol=1e-15)


def test_a_slow_sensor_measures_anew_at_its_rate():
    _, found, truth = moving("rail_position slow 10")
    every = round(1 / 10 / PERIOD)
    np.testing.assert_array_equal(found[:, POSITION], np.repeat(truth[::every, POSITION], every))


def test_a_delayed_sensor_gives_what_was_measured_that_long_ago():
    _, found, truth = moving("rail_position delayed 0.1")
    late = round(0.1 / PERIOD)
    np.testing.assert_array_equal(found[late:, POSITION], truth[:-late, POSITION])


def test_an_intermittent_sensor_is_off_as_often_as_its_number_says():
    episode = Episode(world())
    episode.effects.inject(parse("rail_position intermittent 0.3"))
    off = np.isnan(steps(episode, 2000)[:, POSITION])
    assert off.mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.3 * 0.7 / 2000))


def forces(failures, commands):
    """What the motor exerts under commands, once failures are switched on after the first."""
    episode = Episode(world())
    exerted = []
    for number, command in enumerate(commands):
        if number == 1:
            episode.effects.inject(parse(failures))
        episode.step(command)
        exerted.append(float(episode.data.ctrl[0]))
    return exerted


@pytest.mark.parametrize("motor", ["motors", "motor:motor", "motor:rail"])
def test_a_motor_that_is_off_exerts_nothing(motor):
    assert forces(f"{motor} off", [1, 2, 3]) == [1, 0, 0]


def test_motors_fail_in_every_kind():
    commands = [1.0, 2.0, 3.0, 4.0]
    assert forces("motors stuck", commands) == [1, 2, 2, 2]
    assert forces("motors wrong 0.5", commands) == [1, 2.5, 3.5, 4.5]
    assert forces("motors slow 25", commands) == [1, 2, 2, 4]
    assert forces("motors delayed 0.02", commands) == [1, 2, 2, 3]
    assert max(map(abs, forces("motors garbage 0.1", commands)[1:])) < 0.1
    often = forces("motors intermittent 0.5", [1.0] * 400)[1:]
    assert set(often) == {0.0, 1.0}
    assert np.mean(often) == pytest.approx(0.5, abs=0.1)


def test_a_failure_that_stays_goes_on_when_another_comes_or_goes():
    episode = Episode(world(), seed=1)
    episode.effects.inject(parse("rail_position stuck"))
    stuck = episode.step(1.0)[POSITION]
    episode.effects.inject(parse("rail_velocity off, rail_position stuck"))
    assert episode.step(1.0)[POSITION] == stuck
    episode.effects.inject(parse("rail_position stuck"))
    found = episode.step(1.0)
    assert found[POSITION] == stuck
    assert np.isfinite(found).all()


def test_without_failures_everything_is_as_if_there_had_never_been_any():
    episode, whole = Episode(world(), seed=1), Episode(world(), seed=1)
    steps(whole, 1)
    episode.effects.inject(parse("all garbage"))
    steps(episode, 1)
    episode.effects.inject(parse("none"))
    np.testing.assert_array_equal(steps(episode, 10), steps(whole, 10))
    assert episode.effects.effects == {}


def test_the_same_seed_gives_the_same_garbage():
    runs = [moving("all garbage, motors intermittent")[1] for _ in range(2)]
    np.testing.assert_array_equal(*runs)


_SERVO = """
<mujoco><worldbody><body><joint name="hinge" type="hinge"/><geom size="0.1"/></body></worldbody>
<actuator><position name="servo" joint="hinge" kp="5"/></actuator>
<sensor><jointpos name="angle" joint="hinge"/></sensor></mujoco>
"""


def test_what_a_component_can_not_do_is_refused_and_changes_nothing():
    from neuro_control.simulation.world import World

    episode = Episode(world())
    episode.effects.inject(parse("gyro stuck"))
    for text, reason in (
        ("gyro stuck, gps off", "no sensor 'gps': the model has rail_position"),
        ("gyro stuck, motor:wing off", "no motor 'wing': the model has motor, all"),
    ):
        with pytest.raises(ConfigurationError, match=reason):
            episode.effects.inject(parse(text))
        assert list(episode.effects.effects) == ["gyro stuck"]
    model = mujoco.MjModel.from_xml_string(_SERVO)
    servo = World(model, model.opt.timestep).reset(mujoco.MjData(model), np.random.default_rng(0))
    servo.inject(parse("motors stuck"))
    for kind in ("off", "intermittent"):
        with pytest.raises(ConfigurationError, match="the servo servo holds a position"):
            servo.inject(parse(f"motors {kind}"))


def test_a_text_gives_its_failures_in_order_and_each_once():
    assert parse("") == parse(" none ") == ()
    assert parse("imu stuck, motor:FL_calf slow 5,imu stuck") == (
        Failure("imu", "stuck"),
        Failure("motor:FL_calf", "slow", 5.0),
    )
    assert [str(each) for each in parse("imu delayed")] == ["imu delayed 0.1"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("imu", r"a failure is COMPONENT KIND \[NUMBER\]"),
        ("imu stuck,", r"a failure is COMPONENT KIND \[NUMBER\]"),
        ("imu frozen", "no failure 'frozen': there are off, stuck, garbage, wrong, slow"),
        ("imu stuck 3", "stuck takes no number"),
        ("imu delayed soon", "the last word is a number, not 'soon'"),
        ("imu delayed nan", "the last word is a number, not 'nan'"),
        ("imu delayed -1", "seconds is at least 0"),
        ("imu wrong inf", "offset is at least"),
        ("imu slow 0", "rate is above 0"),
        ("a" * 5000, "at most 4096 characters"),
        (",".join(f"imu wrong {number}" for number in range(65)), "at most 64 failures"),
    ],
)
def test_a_wrong_text_is_refused_with_what_would_be_right(text, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        parse(text)


@given(
    st.lists(
        st.one_of(
            st.text(max_size=20),
            st.sampled_from([*KINDS, "imu", "motors", ",", "1e999", "-0", "0.5"]),
        ),
        max_size=8,
    ).map(" ".join)
)
def test_any_text_gives_failures_that_read_the_same_again_or_one_sentence(text):
    try:
        found = parse(text)
    except ConfigurationError as error:
        assert "\n" not in str(error)
    else:
        assert parse(", ".join(map(str, found))) == found
