# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Networks that Stable-Baselines3 trained answer alike from every kind of file."""

import re
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from safetensors.numpy import save_file

from neuro_control import weights
from neuro_control.errors import ConfigurationError
from neuro_control.policy.control.networks import KIND, Layer, Layers, load
from neuro_control.policy.control.policy import Policy

torch = pytest.importorskip("torch")
sb3 = pytest.importorskip("stable_baselines3")

from safetensors.torch import save_file as save_torch  # noqa: E402

from neuro_control.policy.training.sb3 import export  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


class Plane(gymnasium.Env):
    """Five numbers in, three out; nothing happens."""

    observation_space = gymnasium.spaces.Box(-10.0, 10.0, (5,), np.float32)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (3,), np.float32)

    def reset(self, *, seed=None, options=None):
        return np.zeros(5, np.float32), {}

    def step(self, action):
        return np.zeros(5, np.float32), 0.0, False, False, {}


def model(name):
    options = {} if name == "PPO" else {"buffer_size": 10}
    return getattr(sb3, name)(
        "MlpPolicy", Plane(), seed=1, device="cpu", policy_kwargs={"net_arch": [16, 8]}, **options
    )


OBSERVATIONS = np.random.default_rng(0).normal(0, 2, (20, 5)).astype(np.float32)


@pytest.fixture(scope="module", params=["PPO", "SAC", "TD3"])
def trained(request):
    return model(request.param)


@pytest.mark.parametrize("end", ["safetensors", "onnx", "state_dict"])
def test_a_network_answers_as_the_model_predicts(trained, end, tmp_path):
    path = tmp_path / f"policy.{end.replace('state_dict', 'safetensors')}"
    if end == "state_dict":
        save_torch(trained.policy.state_dict(), path)
    else:
        pytest.importorskip("onnxruntime")
        export(trained, path)
    network = load(path)
    assert (network.inputs, network.outputs) == (5, 3)
    expected, _ = trained.predict(OBSERVATIONS, deterministic=True)
    found = np.array([network.act(each) for each in OBSERVATIONS])
    # PPO's actions are cut off at the bounds by predict, and by the table here.
    np.testing.assert_allclose(np.clip(found, -1, 1), expected, atol=1e-5)
    assert np.ptp(expected, axis=0).min() > 1e-3  # it answers different things


def test_what_normalised_observations_in_training_goes_into_the_file(tmp_path):
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    normalised = VecNormalize(DummyVecEnv([Plane]), clip_obs=1.5)
    normalised.obs_rms.mean = np.arange(5.0)
    normalised.obs_rms.var = np.arange(1.0, 6.0)
    trained = model("PPO")
    expected, _ = trained.predict(normalised.normalize_obs(OBSERVATIONS), deterministic=True)
    export(trained, tmp_path / "policy.safetensors", normalised)
    network = load(tmp_path / "policy.safetensors")
    found = np.array([network.act(each) for each in OBSERVATIONS])
    np.testing.assert_allclose(np.clip(found, -1, 1), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros(3)}, "no policy of Stable-Baselines3 has such layers"),
        ({"actor.mu.0.weight": np.zeros((2, 3))}, "holds no layers of a policy"),
        (
            {"actor.mu.0.weight": np.zeros((2, 3)), "actor.mu.0.bias": np.zeros(3)},
            r"weights \(2, 3\) and biases \(3,\)",
        ),
        ({"a": np.array([np.nan])}, "not finite"),
    ],
)
def test_files_that_hold_no_policy_are_refused(arrays, message, tmp_path):
    save_file(arrays, tmp_path / "policy.safetensors")
    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path / "policy.safetensors")


def test_damaged_and_missing_files_are_refused(tmp_path):
    for name in ("a.onnx", "a.safetensors"):
        with pytest.raises(ConfigurationError, match="no file"):
            load(tmp_path / name)
        (tmp_path / name).write_bytes(b"nothing of the kind")
        with pytest.raises(ConfigurationError, match="damaged or no"):
            load(tmp_path / name)
    with pytest.raises(ConfigurationError, match=r"a \.onnx or \.safetensors file"):
        load(tmp_path / "a.zip")
    weights.write(tmp_path / "b.safetensors", "something else", {"a": np.zeros(1)}, {})
    with pytest.raises(ConfigurationError, match="holds something else, not a policy of layers"):
        load(tmp_path / "b.safetensors")
    weights.write(tmp_path / "c.safetensors", KIND, {}, {"activations": ["sin"]})
    with pytest.raises(ConfigurationError, match="holds no layers"):
        load(tmp_path / "c.safetensors")


def test_layers_that_do_not_fit_one_another_are_refused():
    first = Layer(np.zeros((4, 3), np.float32), np.zeros(4, np.float32), "tanh")
    with pytest.raises(ConfigurationError, match="4 outputs comes before one of 3 inputs"):
        Layers([first, first])
    with pytest.raises(ConfigurationError, match="not one of 3 numbers"):
        Layers([first], mean=np.zeros(2, np.float32))


def test_the_tutorials_program_trains_and_exports_a_policy_that_its_table_takes(
    tmp_path, monkeypatch, capsys
):
    page = (ROOT / "docs" / "tutorials" / "train_a_policy.md").read_text()
    for name in ("go_to.yaml", "go_to.py"):
        (text,) = re.findall(rf"`{name}`:\n\n```\w+\n(.*?)```", page, re.S)
        (tmp_path / name).write_text(text)
    # A hundredth of the training, which is enough to try the program.
    program = (tmp_path / "go_to.py").read_text()
    for much, little in (("n_steps=256", "n_steps=32"), ("range(20)", "range(2)")):
        assert much in program
        program = program.replace(much, little)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["go_to.py", "256"])
    exec(compile(program, "go_to.py", "exec"), {"__name__": "__main__"})  # noqa: S102  # ours
    assert "of 20 goals were reached" in capsys.readouterr().out
    policy = Policy.load(tmp_path / "go_to.yaml")
    assert np.isfinite(policy.step({"goal": [1.0, 0.0], "odom": [0.0, 0.0]})).all()
    packaged = Policy.load(ROOT / "config" / "policies" / "go2_goal.yaml").table
    for mine, theirs in zip(policy.table.observation, packaged.observation, strict=True):
        assert (mine.source, mine.numbers) == (theirs.source, theirs.numbers)
