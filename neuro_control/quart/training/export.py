# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Exports a policy to ONNX, with numbers of 32 bits or of 8.

One graph holds everything between a picture and an action, so that a policy runs where torch is
not. In 8 bits, weights and what flows between layers are whole numbers, whose ranges are measured
on moments drawn for it (static quantisation, Jacob et al., arXiv 1712.05877).
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neuro_control import resources
from neuro_control.cli.options import seed_option
from neuro_control.errors import ConfigurationError
from neuro_control.files import write_bytes
from neuro_control.quart.control.language import GROUPS, WORDS, encode
from neuro_control.quart.control.networks.base import Network
from neuro_control.quart.control.networks.facts import KIND, facts_of
from neuro_control.quart.control.networks.onnx import INPUTS, METADATA, OUTPUTS
from neuro_control.quart.control.networks.settings import NetworkSize
from neuro_control.quart.control.policy import Policy
from neuro_control.quart.control.sentences import SentenceEncoder
from neuro_control.quart.control.state import SIZE
from neuro_control.quart.training.data.moments import Draws, draw_moment
from neuro_control.quart.training.data.studio import Studio
from neuro_control.quart.training.data.texts import said

# Version of ONNX's operators.
_OPSET = 17

Batch = dict[str, NDArray[Any]]


class _Whole(nn.Module):
    """A network and the decoding of its tokens."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, images: Tensor, words: Tensor, states: Tensor, sentences: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        return tuple(self.network.decode(self.network(images, words, states, sentences)))


def export(network: Network, path: Path, calibration: Sequence[Batch] | None = None) -> None:
    """Write a network to a file of ONNX, whole or not at all.

    Args:
        network: The network.
        path: The file; its name ends in ``.onnx``.
        calibration: Batches of one moment with ``images``, ``words`` and ``states``, on which
            ranges are measured; the numbers then have 8 bits. None for 32 bits.

    Raises:
        ConfigurationError: ONNX is not installed, or the file has another ending.
    """
    onnx = check(path)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "policy.onnx")
        _trace(network, file)
        if calibration is not None:
            file = _quantised(file, calibration)
        model = onnx.load(file)
    facts = {"kind": KIND, "facts": facts_of(network)}
    onnx.helper.set_model_props(model, {METADATA: json.dumps(facts)})
    write_bytes(path, model.SerializeToString())


def check(path: Path) -> Any:
    """Check, before anything is computed, that a file can be exported; what writes it.

    Raises:
        ConfigurationError: ONNX is not installed, or the file has another ending.
    """
    if path.suffix != ".onnx":
        raise ConfigurationError(f"a file of ONNX ends in .onnx, not as {path.name} does")
    try:
        import onnx
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f"to export needs {error.name}: pip install 'neuro_control[quart]'"
        ) from error
    return onnx


def _trace(network: Network, file: Path) -> None:
    size = network.size
    arguments = [
        torch.zeros(1, 3, size.image, size.image, dtype=torch.uint8),
        torch.zeros(1, WORDS, GROUPS, dtype=torch.int64),
        torch.zeros(1, SIZE),
    ]
    if size.sentence:
        arguments.append(torch.zeros(1, size.sentence))
    with warnings.catch_warnings():
        # The newer exporter takes the network's recurrent layers apart: a hundred times as long
        # to export, and three times as long to run.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Whole(network.eval()), tuple(arguments), file, dynamo=False,
            input_names=list(INPUTS[: len(arguments)]), output_names=list(OUTPUTS),
            opset_version=_OPSET,
        )  # fmt: skip


def _quantised(file: Path, calibration: Sequence[Batch]) -> Path:
    from onnxruntime import quantization

    prepared, found = file.with_name("prepared.onnx"), file.with_name("quantised.onnx")
    quantization.shape_inference.quant_pre_process(file, prepared, skip_symbolic_shape=True)
    quantization.quantize_static(
        prepared, found, _Reader(calibration), quant_format=quantization.QuantFormat.QDQ,
        activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8,
        per_channel=True, op_types_to_quantize=["Conv", "MatMul", "Gemm"],
    )  # fmt: skip
    return found


def calibration_moments(size: NetworkSize, count: int, seed: int) -> list[Batch]:
    """Batches of one moment each, drawn at random, on which ranges are measured.

    Args:
        size: Settings of the network.
        count: Number of moments.
        seed: Their seed.

    Raises:
        ConfigurationError: MuJoCo can't render here, or the network reads a sentence encoder,
            which is not installed.
    """
    encoder = SentenceEncoder() if size.sentence else None
    rng = np.random.default_rng(seed)
    studio = Studio(size.image)
    found: list[Batch] = []
    try:
        for _ in range(count):
            moment = draw_moment(Draws(), rng)
            image = studio.take(moment).transpose(2, 0, 1)
            text = said(moment.text, rng)
            batch: Batch = {
                "images": image[None],
                "words": encode(text)[None],
                "states": moment.state[None].astype(np.float32),
            }
            if encoder is not None:
                batch["sentences"] = encoder.encode(text)[None]
            found.append(batch)
    finally:
        studio.close()
    return found


@click.command("export")
@click.option(
    "--policy",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    show_default="config/weights/quart.safetensors",
    help="File of weights that is exported.",
)
@click.option(
    "--format",
    type=click.Choice(["onnx", "int8"]),
    default="onnx",
    show_default=True,
    help="ONNX with numbers of 32 bits or of 8 bits.",
)
@click.option(
    "--moments",
    type=click.IntRange(8, 10_000),
    default=256,
    show_default=True,
    help="Number of moments on which the ranges of 8-bit numbers are measured.",
)
@seed_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File that is written; its name ends in .onnx.",
)
def export_command(policy: Path | None, format: str, moments: int, seed: int, out: Path) -> None:
    """Export a policy to a file that onnxruntime runs without torch.

    What evaluates and drives a policy takes the file as it takes weights: --policy FILE.onnx.
    """
    check(out)
    file = policy or resources.find_file("config/weights", "quart.safetensors")
    network = Policy.load(file).network
    if not isinstance(network, Network):
        raise ConfigurationError(f"{file} is exported already: give the weights that it came from")
    calibration = None if format == "onnx" else calibration_moments(network.size, moments, seed)
    export(network, out, calibration)
    click.echo(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


class _Reader:
    """Gives the quantiser one moment after the other."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._left = iter(batches)

    def get_next(self) -> Batch | None:
        """The next moment; None after the last."""
        batch = next(self._left, None)
        if batch is None:
            return None
        found = {name: batch[name] for name in INPUTS if name in batch}
        found["words"] = found["words"].astype(np.int64)
        return found
