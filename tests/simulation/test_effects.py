# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Effects against values worked out by hand, on models of a few lines."""

from __future__ import annotations

import dataclasses
import math

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_control.errors import ConfigurationError
from neuro_control.simulation.effects import (
    EFFECTS,
    CommandDelay,
    Delay,
    Density,
    Effect,
    Friction,
    Jump,
    Lag,
    Loss,
    Noise,
    Payload,
    Push,
    SoftGround,
    Stuck,
    Wind,
    parse,
)
from neuro_control.simulation.signals import ImageEffects
from neuro_control.simulation.world import Electronics, World

PERIOD = 0.02
# A ball of 2 kg without weight, and a cart on a rail with a motor and encoders.
_MODEL = """
<mujoco>
  <option timestep="0.002" gravity="0 0 0" {medium}/>
  <worldbody>
    <geom name="floor" type="plane" size="1 1 1" pos="0 0 -5"/>
    <body name="ball">
      <freejoint/>
      <geom type="sphere" size="0.1" mass="2"/>
      <site name="base_link"/>
    </body>
    <body name="cart" pos="0 3 0">
      <joint name="rail" type="slide" axis="1 0 0"/>
      <geom type="box" size="0.1 0.1 0.1" mass="1"/>
    </body>
  </worldbody>
  <actuator><motor name="motor" joint="rail"/></actuator>
  <sensor>
    <jointpos name="rail_position" joint="rail"/>
    <jointvel name="rail_velocity" joint="rail"/>
    <gyro name="gyro" site="base_link"/>
  </sensor>
</mujoco>
"""


def world(effects: object = (), medium: str = "") -> World:
    """World of the ball and the cart."""
    model = mujoco.MjModel.from_xml_string(_MODEL.format(medium=medium))
    return World(model, PERIOD).with_effects(effects)


class Episode:
    """An episode of a world, a control step at a time."""

    def __init__(self, world: World, seed: int = 0) -> None:
        self.world, self.data = world, mujoco.MjData(world.model)
        self.effects = world.reset(self.data, np.random.default_rng(seed))

    def step(self, force: float = 0.0) -> np.ndarray:
        """Readings after a control step under a force of the motor, N."""
        substeps = self.world.substeps(PERIOD)
        self.world.step(self.data, self.effects, np.array([force]), substeps)
        return self.data.sensordata.copy()

    def readings(self, steps: int) -> np.ndarray:
        """Readings from the reset on, the cart driven to and fro."""
        first = self.data.sensordata.copy()
        return np.array([first, *(self.step(math.sin(k)) for k in range(steps))])


def test_a_push_changes_the_speed_of_a_free_body_by_force_times_time_over_mass() -> None:
    push = Push(begins=0.1, force=3.0, direction=math.pi / 3, elevation=0.2, lasts=0.4)
    episode = Episode(world(push))
    for _ in range(5):
        episode.step()
    assert np.all(episode.data.qvel[:3] == 0.0)
    for _ in range(45):
        episode.step()
    change = 3.0 * 0.4 / 2.0 * push.unit()
    np.testing.assert_allclose(episode.data.qvel[:3], change, rtol=1e-12)
    assert np.all(episode.data.xfrc_applied == 0.0)


def test_a_push_acts_on_the_body_that_it_names() -> None:
    episode = Episode(world({"push": {"force": 1, "body": "cart", "lasts": 1}}))
    for _ in range(50):
        episode.step()
    np.testing.assert_allclose(episode.data.qvel, [0, 0, 0, 0, 0, 0, 1], atol=1e-12)


def test_a_push_adds_to_a_force_that_is_already_there() -> None:
    episode = Episode(world(Push(force=1.0, lasts=math.inf)))
    episode.data.xfrc_applied[1, 1] = 1.0
    for _ in range(50):
        episode.step()
    np.testing.assert_allclose(episode.data.qvel[:3], [0.5, 0.5, 0.0], rtol=1e-12)
    assert episode.data.xfrc_applied[1].tolist() == [0, 1, 0, 0, 0, 0]


def test_a_body_in_wind_reaches_the_speed_of_the_wind() -> None:
    medium = 'density="1000" viscosity="10"'
    episode = Episode(world(Wind(speed=0.5, direction=math.pi / 2), medium))
    for _ in range(200):
        episode.step()
    np.testing.assert_allclose(episode.data.qvel[:3], [0.0, 0.5, 0.0], atol=1e-3)
    assert np.all(episode.world.model.opt.wind == 0.0)


def test_noise_has_its_standard_deviation_and_bias() -> None:
    episode = Episode(world(Noise(sensors=("rail_position",), std=0.3, bias=2.0)))
    readings = np.array([episode.step()[0] for _ in range(10_000)])
    assert readings.std() == pytest.approx(0.3, rel=0.03)
    assert readings.mean() == pytest.approx(2.0, abs=0.02)
    assert np.abs(np.corrcoef(readings[1:], readings[:-1])[0, 1]) < 0.03


def test_noise_leaves_other_sensors_and_the_state_alone() -> None:
    noisy = Episode(world(Noise(sensors=("joint_position",), std=1.0))).readings(50)
    clean = Episode(world()).readings(50)
    assert np.array_equal(noisy[:, 1:], clean[:, 1:])
    assert not np.isclose(noisy[:, 0], clean[:, 0]).any()


def test_a_delay_gives_what_was_measured_n_steps_before() -> None:
    late = Episode(world(Delay(sensors=("rail",), seconds=5 * PERIOD))).readings(60)
    clean = Episode(world()).readings(60)
    assert np.array_equal(late[5:, :2], clean[:-5, :2])
    assert np.array_equal(late[:5, :2], np.repeat(clean[:1, :2], 5, axis=0))
    assert np.array_equal(late[:, 2:], clean[:, 2:])


def test_a_stuck_sensor_repeats_its_last_reading_to_the_bit_and_then_goes_on() -> None:
    stuck = Episode(world(Stuck(sensors=("rail",), begins=0.2, lasts=0.4))).readings(60)
    clean = Episode(world()).readings(60)
    assert np.array_equal(stuck[:10], clean[:10])
    assert np.array_equal(stuck[10:30, :2], np.repeat(clean[9:10, :2], 20, axis=0))
    assert np.array_equal(stuck[30:], clean[30:])


def test_a_sensor_can_be_stuck_at_a_value_from_the_first_reading_on() -> None:
    stuck = Episode(world(Stuck(sensors=("rail_position",), value=0.25))).readings(5)
    assert np.all(stuck[:, 0] == 0.25)


def test_a_jump_adds_its_offset_from_a_time_on() -> None:
    jumped = Episode(world(Jump(sensors=("rail_position",), offset=0.5, begins=0.2))).readings(20)
    clean = Episode(world()).readings(20)
    assert np.array_equal(jumped[:, 0], clean[:, 0] + [*[0.0] * 10, *[0.5] * 11])


def test_a_lag_of_a_motor_follows_its_command_exponentially() -> None:
    episode = Episode(world(Lag(motors=("motor",), seconds=0.1)))
    episode.step(0.0)
    torques = []
    for _ in range(20):
        episode.step(2.0)
        torques.append(episode.data.ctrl[0])
    time = PERIOD * np.arange(1, 21)
    np.testing.assert_allclose(torques, 2.0 * (1.0 - np.exp(-time / 0.1)), rtol=1e-9)


def test_a_lag_of_a_sensor_begins_at_its_time_and_bears_a_lost_reading() -> None:
    lost = Loss(sensors=("gyro",), begins=0.2, lasts=0.04)
    lag = Lag(sensors=("rail_position", "gyro"), seconds=1.0, begins=0.1)
    clean, slow = Episode(world()).readings(40), Episode(world([lost, lag])).readings(40)
    np.testing.assert_array_equal(slow[:5], clean[:5])
    expected = clean[4, 0] + (1.0 - math.exp(-PERIOD)) * (clean[5, 0] - clean[4, 0])
    assert slow[5, 0] == pytest.approx(expected, rel=1e-12)
    assert np.isnan(slow[10:12, 2:]).all()
    assert np.isfinite(slow[12:]).all()


@pytest.mark.parametrize("stiffness", [2e3, 2e4])
def test_soft_ground_gives_way_by_the_weight_over_its_stiffness(stiffness: float) -> None:
    text = """
      <mujoco>
        <option timestep="0.002" cone="elliptic"/>
        <worldbody>
          <geom name="floor" type="plane" size="1 1 1"/>
          <body name="ball" pos="0 0 0.1">
            <freejoint/><geom type="sphere" size="0.1" mass="2" solref="0.004 1" priority="3"/>
          </body>
        </worldbody>
      </mujoco>"""
    plain = World(mujoco.MjModel.from_xml_string(text), PERIOD)
    soft = plain.with_effects(SoftGround(stiffness=stiffness, damping=100.0))
    data = mujoco.MjData(soft.model)
    soft.reset(data, np.random.default_rng(0))
    mujoco.mj_step(soft.model, data, 1000)
    assert 0.1 - data.qpos[2] == pytest.approx(2 * 9.81 / stiffness, rel=0.02)
    assert plain.model.geom("floor").solref[0] == 0.02


def test_a_lost_reading_is_not_a_number_as_often_as_its_probability_says() -> None:
    loss = Loss(sensors=("rail_position", "gyro"), probability=0.2, begins=1.0)
    lost = np.isnan(Episode(world(loss)).readings(10_050))
    assert not lost[:50].any()
    assert not lost[:, 1].any()
    assert lost[50:, 0].mean() == pytest.approx(0.2, abs=0.02)
    # A sensor is lost as a whole, and two of them independently.
    assert np.array_equal(lost[:, 2], lost[:, 4])
    assert lost[50:, 0][lost[50:, 2]].mean() == pytest.approx(0.2, abs=0.04)


def test_a_delayed_command_acts_n_steps_later() -> None:
    late, now = Episode(world(CommandDelay(seconds=3 * PERIOD))), Episode(world())
    for _ in range(3):
        assert late.step(1.0)[1] == 0.0
    for k in range(20):
        assert late.step(float(k))[1] == now.step(1.0 if k < 3 else float(k - 3))[1]


def test_a_lost_command_leaves_the_one_before() -> None:
    episode = Episode(world({"command_loss": {"begins": 0.1}}))
    for _ in range(50):
        episode.step(1.0 if episode.data.time < 0.09 else -7.0)
    assert episode.data.qvel[6] == pytest.approx(1.0)


def test_a_payload_adds_its_mass_and_a_push_then_moves_it_less() -> None:
    effects = [Payload(mass=3.0), Push(force=5.0, lasts=1.0)]
    plain = world()
    loaded = plain.with_effects(effects)
    episode = Episode(loaded)
    for _ in range(2):  # an effect on the model doesn't add up from reset to reset
        episode = Episode(loaded)
    for _ in range(50):
        episode.step()
    assert episode.data.qvel[0] == pytest.approx(1.0)
    assert plain.model.body("ball").mass[0] == 2.0


def test_friction_and_density_change_a_copy_of_the_model() -> None:
    plain = world(medium='density="10"')
    changed = plain.with_effects([Friction(coefficient=0.3), Density(factor=2.0)])
    Episode(changed)
    assert changed.model.geom("floor").friction[0] == 0.3
    assert changed.model.opt.density == 20.0
    assert plain.model.geom("floor").friction[0] == 1.0
    assert plain.model.opt.density == 10.0


def test_the_robots_own_noise_is_the_same_with_an_effect_and_without() -> None:
    class Noisy(Electronics):
        def __init__(self, _model: mujoco.MjModel, rng: np.random.Generator) -> None:
            self._rng = rng

        def observe(self, data: mujoco.MjData) -> None:
            data.sensordata += self._rng.normal(size=len(data.sensordata))

    own = dataclasses.replace(world(), electronics=Noisy)
    clean = Episode(own).readings(20)
    noisy = Episode(own.with_effects(Noise(sensors=("gyro",), std=1.0))).readings(20)
    assert np.array_equal(clean[:, :2], noisy[:, :2])
    assert not np.isclose(clean[:, 2:], noisy[:, 2:]).any()


def test_the_same_seed_gives_the_same_effects_and_another_one_others() -> None:
    effects = [Noise(std=1.0), Loss(probability=0.5)]
    first, again, other = (Episode(world(effects), seed).readings(20) for seed in (3, 3, 4))
    assert np.array_equal(first, again, equal_nan=True)
    assert not np.array_equal(first, other, equal_nan=True)


def test_effects_come_and_go_by_name_during_an_episode() -> None:
    episode = Episode(world())
    first = episode.effects.add(Jump(sensors=("rail_position",), offset=1.0))
    second = episode.effects.add(Jump(sensors=("rail_position",), offset=2.0))
    third = episode.effects.add(Jump(sensors=("gyro",), offset=1.0, name="wrong gyro"))
    assert [first, second, third] == ["jump", "jump_2", "wrong gyro"]
    assert episode.step().tolist() == [3.0, 0.0, 1.0, 1.0, 1.0]
    episode.effects.remove("jump")
    assert list(episode.effects.effects) == ["jump_2", "wrong gyro"]
    assert episode.step().tolist() == [2.0, 0.0, 1.0, 1.0, 1.0]
    with pytest.raises(ConfigurationError, match="no effect 'jump' acts: there are jump_2, wrong"):
        episode.effects.remove("jump")
    with pytest.raises(ConfigurationError, match="payload changes the model: it can only be there"):
        episode.effects.add(Payload(mass=1.0))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[{shove: {force: 1}}]", "no effect 'shove': there are noise, loss, delay, stuck, jump"),
        ("[{push: {}}]", "push: force is missing, the size of the force (N)"),
        ("[{push: {strength: 1}}]", "push: no 'strength': there are name, begins, lasts"),
        ("[{push: {force: -1}}]", "push: force is at least 0 and at most 100000 N, not -1"),
        ("[{push: {force: 1, lasts: 0}}]", "push: lasts is above 0 s, not 0"),
        ("[{push: {force: much}}]", "push: force is a number, not 'much'"),
        ("[{loss: {probability: 2}}]", "loss: probability is at least 0 and at most 1, not 2"),
        ("[{noise: {sensors: 3, std: 1}}]", "noise: sensors is a name or a list of names, not 3"),
        ("[{push: 100}]", "push: an effect's numbers are a mapping like {begins: 3}, not 100"),
        ("push", "effects is a list of mappings like"),
        ("[{push: ", "effects is no YAML"),
        ("[{noise: {sensor: tail, std: 1}}]", "no sensor 'tail': the model has rail_position"),
        ("[{noise: {sensor: tail, std: 1}}]", "groups are joint_position, joint_velocity, gyro"),
        ("[{push: {force: 1, body: tail}}]", "no body 'tail': the model has ball, cart"),
        ("[{payload: {mass: -2}}]", "-2 kg takes away more than ball weighs, 2 kg"),
        ("[{wind: {speed: 1}}]", "wind: the model has no medium"),
    ],
)
def test_a_wrong_description_is_refused_with_what_would_be_right(text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        world(text)
    assert sentence in str(error.value)


def test_texts_mappings_lists_and_effects_describe_the_same() -> None:
    push = Push(begins=3.0, force=100.0)
    for described in (
        "push: {begins: 3, force: 1e2}",
        '[{"push": {"begins": 3, "force": 100}}]',
        {"push": {"begins": 3, "force": 100}},
        [{"push": {"begins": 3, "force": 100}}],
        push,
        [push],
    ):
        assert parse(described) == (push,)
    assert parse("") == parse("[]") == parse([]) == ()
    assert parse("stuck: {sensor: gyro}") == parse("stuck: {sensors: [gyro]}")
    assert parse("loss:") == (Loss(),)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
_NUMBERS = sorted({field.name for made in EFFECTS.values() for field in dataclasses.fields(made)})
_MAPPINGS = st.dictionaries(
    st.sampled_from(list(EFFECTS)) | st.text(max_size=8),
    st.dictionaries(st.sampled_from(_NUMBERS), _VALUES) | _VALUES,
    max_size=3,
)


@given(_MAPPINGS | st.lists(_MAPPINGS | _VALUES, max_size=3) | st.text() | _VALUES)
@settings(deadline=None, max_examples=200)
def test_whatever_is_described_gives_effects_or_one_sentence(described: object) -> None:
    try:
        found = parse(described)  # type: ignore[arg-type]  # that is the point
    except ConfigurationError:
        return
    assert all(isinstance(each, Effect) for each in found)


def test_effects_act_on_images_in_grey_levels() -> None:
    images = [np.full((2, 3), 10 * k, dtype=np.uint8) for k in range(10)]

    def seen(described: object) -> list[float | None]:
        effects = ImageEffects(parse(described), seed=0)  # type: ignore[arg-type]
        played = [effects.apply(0.1 * k, image) for k, image in enumerate(images)]
        return [None if each is None else float(each.mean()) for each in played]

    plain = [10.0 * k for k in range(10)]
    assert seen(()) == plain
    assert seen("delay: {seconds: 0.2}") == [0.0, 0.0, *plain[:8]]
    assert seen("stuck: {begins: 0.3, lasts: 0.5}") == [*plain[:3], *[20.0] * 5, *plain[8:]]
    assert seen("loss: {sensor: image, begins: 0.8}") == [*plain[:8], None, None]
    assert seen("noise: {bias: 250}")[-1] == 255.0
    with pytest.raises(ConfigurationError, match="no effect 'push' on images: there are noise"):
        ImageEffects(parse("push: {force: 1}"), seed=0)
    with pytest.raises(ConfigurationError, match="no sensor 'gyro': there are image, all"):
        ImageEffects(parse("noise: {sensor: gyro, std: 1}"), seed=0)
