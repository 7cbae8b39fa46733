# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Episodes leave as data sets of Minari and LeRobot, are read by those libraries, and come back."""

import gymnasium
import numpy as np
import pytest

import neuro_control.envs  # noqa: F401  # registers them
from neuro_control.cli.episodes import episodes as command
from neuro_control.errors import ConfigurationError
from neuro_control.learning import lerobot_format, minari_format
from neuro_control.learning.episodes import Episode, Source, record

SOURCE = Source("neuro_control/BlimpAltitude-v0", "own", 10)
SPACES = (
    gymnasium.spaces.Box(-np.inf, np.inf, (4,), np.float64),
    gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float64),
)


def drawn(seed, length):
    rng = np.random.default_rng(seed)
    return Episode(
        rng.normal(size=(length + 1, 4)), rng.uniform(-1, 1, (length, 1)), rng.normal(size=length),
        terminated=seed % 2 == 0, truncated=seed % 2 == 1, seed=seed,
    )  # fmt: skip


def assert_same(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        for name in ("observations", "actions", "rewards"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert (one.terminated, one.truncated, one.seed) == (
            other.terminated,
            other.truncated,
            other.seed,
        )


def test_episodes_of_minari_come_back_to_the_bit_and_its_own_reader_finds_them(
    tmp_path, monkeypatch
):
    minari = pytest.importorskip("minari")
    pytest.importorskip("h5py")
    expected = [drawn(seed, 5 + seed) for seed in range(3)]
    minari_format.write(tmp_path / "set", SOURCE, SPACES, expected)
    source, found = minari_format.read(tmp_path / "set")
    assert source == SOURCE
    assert_same(found, expected)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "set"))
    dataset = minari.load_dataset(minari_format.name_of(SOURCE))
    assert dataset.total_episodes == 3
    assert dataset.total_steps == sum(map(len, expected))
    np.testing.assert_array_equal(dataset[1].actions, expected[1].actions)
    with pytest.raises(ConfigurationError, match="is there already"):
        minari_format.write(tmp_path / "set", SOURCE, SPACES, expected)


def test_episodes_of_lerobot_come_back_to_the_bit(tmp_path):
    pytest.importorskip("lerobot")
    expected = [drawn(seed, 5 + seed) for seed in range(3)]
    lerobot_format.write(tmp_path / "set", SOURCE, SPACES, expected)
    source, found = lerobot_format.read(tmp_path / "set")
    assert source == SOURCE
    assert_same(found, expected)


def test_recorded_episodes_are_those_of_the_environment_with_the_policy():
    environment = gymnasium.make("neuro_control/SwimmerSwim-v0", links=4)

    class Wave:
        def reset(self):
            self.step = 0

        def __call__(self, observation):
            self.step += 1
            return np.sin(self.step / 5 + np.arange(3))

    shown = []
    found = list(record(environment, Wave(), [3, 4], shown.append))
    assert shown == [1, 2]
    assert [len(each) for each in found] == [1000, 1000]
    assert found[0].truncated
    observation, _ = environment.reset(seed=4)
    np.testing.assert_array_equal(found[1].observations[0], observation)
    observation, reward, *_ = environment.step(found[1].actions[0])
    np.testing.assert_array_equal(found[1].observations[1], observation)
    assert found[1].rewards[0] == reward


def test_the_command_records_the_packages_own_controller_and_converts(tmp_path, monkeypatch):
    pytest.importorskip("minari")
    pytest.importorskip("h5py")
    monkeypatch.chdir(tmp_path)
    command.main(
        ["--environment", "neuro_control/BlimpAltitude-v0", "--episodes", "2", "--out", "flights"],
        standalone_mode=False,
    )
    _, found = minari_format.read(tmp_path / "flights")
    assert [each.seed for each in found] == [0, 1]
    assert min(each.rewards.mean() for each in found) > 0.4  # it flies
    command.main(["--source", "flights", "--out", "copy"], standalone_mode=False)
    assert_same(minari_format.read(tmp_path / "copy")[1], found)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--environment", "CartPole-v1"], "has no controller of CartPole-v1"),
        (["--environment", "Nothing-v1"], "no environment 'Nothing-v1'"),
        (["--environment", "neuro_control/Quard-v0", "--policy", "random"], "with vectors"),
        (["--policy", "nobody:act"], "can't import nobody:act"),
        (["--source", "nowhere"], "holds 0 data sets of Minari, not one"),
    ],
)
def test_what_can_not_be_recorded_is_refused_before_it_is(
    arguments, message, tmp_path, monkeypatch
):
    pytest.importorskip("minari")
    pytest.importorskip("h5py")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=message):
        command.main([*arguments, "--out", "set"], standalone_mode=False)


def test_without_the_libraries_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "minari", None)
    monkeypatch.setitem(__import__("sys").modules, "lerobot.datasets.lerobot_dataset", None)
    for name, each in (("minari", minari_format), ("lerobot", lerobot_format)):
        with pytest.raises(ConfigurationError, match=rf"pip install 'neuro_control\[{name}\]'"):
            each.write(tmp_path / "x", SOURCE, SPACES, [drawn(0, 3)])
