# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Export: a policy in a file of ONNX decides as it does in torch, and in 8 bits nearly so."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from neuro_control import weights
from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.actions import RANGES
from neuro_control.quart.control.language import Instruction, encode
from neuro_control.quart.control.policy import Policy
from neuro_control.quart.control.state import SIZE
from neuro_control.quart.training import export as exporting
from tests.quart.policies import random_policy
from tests.quart.test_networks import SIZES, network

INSTRUCTIONS = (
    "stop",
    "go to the red cube",
    "crawl under the bar slowly with a trotting gait please",
)


def moments(count=8, pixels=32):
    rng = np.random.default_rng(0)
    return [
        {
            "images": rng.integers(0, 255, (1, 3, pixels, pixels), dtype=np.uint8),
            "words": encode(INSTRUCTIONS[i % 3])[None],
            "states": rng.normal(size=(1, SIZE)).astype(np.float32),
        }
        for i in range(count)
    ]


def predictions(of):
    return [
        of.predict(each["images"][0], Instruction("", each["words"][0]), each["states"][0])
        for each in moments()
    ]


# Twelve tokens one by one take long to export, and are what four are.
EXPORTED = {name: size for name, size in SIZES.items() if name != "transformer, one by one"}


@pytest.mark.parametrize("size", EXPORTED.values(), ids=EXPORTED)
def test_an_exported_policy_predicts_what_it_did_in_torch(size, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    source = network(size)
    exporting.export(source, tmp_path / "policy.onnx")
    loaded = Policy.load(tmp_path / "policy.onnx").network
    assert loaded.size == size
    for one, other in zip(predictions(source), predictions(loaded), strict=True):
        np.testing.assert_allclose(one.actions, other.actions, atol=1e-4)
        np.testing.assert_allclose(one.place, other.place, atol=1e-4)
        assert one.entropy == pytest.approx(other.entropy, abs=1e-4)
        assert (one.visible, one.understood) == (other.visible, other.understood)


def test_in_8_bits_it_is_smaller_and_predicts_nearly_the_same(tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    source = network(SIZES["small"])
    exporting.export(source, tmp_path / "whole.onnx")
    exporting.export(source, tmp_path / "bits.onnx", moments())
    assert (tmp_path / "bits.onnx").stat().st_size < (tmp_path / "whole.onnx").stat().st_size
    loaded = Policy.load(tmp_path / "bits.onnx").network
    spread = np.std([each.place for each in predictions(source)], axis=0).max()
    for one, other in zip(predictions(source), predictions(loaded), strict=True):
        np.testing.assert_allclose(one.place, other.place, atol=0.2 + 2.0 * spread)
        assert one.entropy == pytest.approx(other.entropy, abs=0.01)
        assert (other.actions >= RANGES[:, 0] - 1e-6).all()
    with pytest.raises(ConfigurationError, match="give the file that it was exported from"):
        Policy(loaded).save(tmp_path / "again.safetensors")


@pytest.mark.parametrize("sentence", [0, 384])
def test_an_exported_policy_runs_without_torch(tmp_path, sentence):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    size = dataclasses.replace(SIZES["small"], sentence=sentence)
    exporting.export(network(size), tmp_path / "policy.onnx")
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "import numpy as np\n"
        "from neuro_control.quart.control.policy import Policy\n"
        "from neuro_control.quart.control.state import RobotState\n"
        f"policy = Policy.load({str(tmp_path / 'policy.onnx')!r})\n"
        "policy.reset('go to the red cube')\n"
        "image = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)\n"
        "state = RobotState(np.zeros(2), 0.0, 0.0, 0.0, 0.0, np.zeros(2), 0.0)\n"
        "print(policy.act(image, state).action.shape)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          timeout=100)  # fmt: skip
    assert done.stdout.strip() == "(12,)", done.stderr


def test_the_command_exports_and_refuses_what_can_not_be(tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    random_policy().save(tmp_path / "policy.safetensors")
    source, out = str(tmp_path / "policy.safetensors"), str(tmp_path / "policy.onnx")
    run = CliRunner().invoke
    done = run(exporting.export_command, ["--policy", source, "--out", out])
    assert done.exit_code == 0, done.output
    assert Policy.load(out).network.size == random_policy().network.size
    again = run(exporting.export_command, ["--policy", out, "--out", out])
    assert "is exported already" in str(again.exception)
    wrong = run(exporting.export_command, ["--policy", source, "--out", str(tmp_path / "x.bin")])
    assert "ends in .onnx, not as x.bin does" in str(wrong.exception)


@pytest.mark.parametrize("content", [b"", b"nonsense", bytes(1000)])
def test_a_file_that_is_no_policy_is_refused_in_a_sentence(content, tmp_path):
    pytest.importorskip("onnxruntime")
    (tmp_path / "policy.onnx").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"damaged or no file of ONNX|something else"):
        Policy.load(tmp_path / "policy.onnx")
    with pytest.raises(ConfigurationError, match="no file"):
        Policy.load(tmp_path / "none.onnx")


def test_weights_of_another_version_are_refused(tmp_path):
    policy = random_policy()
    policy.save(tmp_path / "policy.safetensors")
    arrays, facts = weights.read(tmp_path / "policy.safetensors", "policy of QUART")
    weights.write(tmp_path / "old.safetensors", "policy of QUART", arrays, {**facts, "version": 1})
    with pytest.raises(ConfigurationError, match="weights of version 1, not 2: train them again"):
        Policy.load(tmp_path / "old.safetensors")
