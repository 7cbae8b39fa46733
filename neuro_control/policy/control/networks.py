# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Networks of policies in files: ONNX through onnxruntime, or layers in safetensors by NumPy.

Safetensors hold either what ``training.sb3`` writes or the ``state_dict`` of a policy of
Stable-Baselines3 as it is, whose layers are known by their names:

| algorithm | layers | output |
| --- | --- | --- |
| PPO, A2C | ``mlp_extractor.policy_net.K``, ``action_net`` | as it is |
| SAC | ``actor.latent_pi.K``, ``actor.mu`` | tanh |
| TD3, DDPG | ``actor.mu.K`` | tanh |

All compute in 32 bits, as they were trained.
"""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from neuro_control.errors import ConfigurationError

Array32 = NDArray[np.float32]

ACTIVATIONS = ("tanh", "relu", "elu", "none")
KIND = "a policy of layers"
# Layers of Stable-Baselines3's policies: those in a row, the last, and what follows.
_KNOWN = (
    (r"mlp_extractor\.policy_net\.(\d+)", "action_net", "tanh", "none"),
    (r"actor\.latent_pi\.(\d+)", "actor.mu", "relu", "tanh"),
    (r"actor\.mu\.(\d+)", None, "relu", "tanh"),
)
# Largest file of weights that is read, bytes.
_MOST_BYTES = 256 * 2**20


class Network(Protocol):
    """What turns an observation into an action.

    Attributes:
        inputs: Numbers of an observation.
        outputs: Numbers of an action.
    """

    inputs: int
    outputs: int

    def act(self, observation: Array32) -> Array32:
        """Action, (outputs,), for an observation, (inputs,)."""


class Layer(NamedTuple):
    """A layer y = f(W x + b).

    Attributes:
        weight: W, (outputs, inputs).
        bias: b, (outputs,).
        activation: f, one of ``ACTIVATIONS``.
    """

    weight: Array32
    bias: Array32
    activation: str


class Layers:
    """A network of layers in a row.

    Args:
        layers: The layers, from the observation to the action.
        mean: Taken off the observation, (inputs,), if it was normalised in training.
        deviation: By which it is then divided, (inputs,).
        clip: Bound of what comes of that.

    Raises:
        ConfigurationError: The layers don't fit one another, or there are none.
    """

    def __init__(
        self,
        layers: list[Layer],
        mean: Array32 | None = None,
        deviation: Array32 | None = None,
        clip: float = np.inf,
    ) -> None:
        if not layers:
            raise ConfigurationError("a policy has one layer at least")
        for before, after in pairwise(layers):
            if len(before.bias) != after.weight.shape[1]:
                raise ConfigurationError(
                    f"a layer of {len(before.bias)} outputs comes before one of "
                    f"{after.weight.shape[1]} inputs"
                )
        self.layers, self._clip = layers, np.float32(clip)
        self.inputs, self.outputs = layers[0].weight.shape[1], len(layers[-1].bias)
        self._mean = np.zeros(self.inputs, np.float32) if mean is None else mean
        self._deviation = np.ones(self.inputs, np.float32) if deviation is None else deviation
        if self._mean.shape != (self.inputs,) or self._deviation.shape != (self.inputs,):
            raise ConfigurationError(f"the normalisation is not one of {self.inputs} numbers")

    def act(self, observation: Array32) -> Array32:
        """Action, (outputs,), for an observation, (inputs,)."""
        found = (observation - self._mean) / self._deviation
        found = np.minimum(np.maximum(found, -self._clip), self._clip)
        for layer in self.layers:
            found = _activated(layer.weight @ found + layer.bias, layer.activation)
        return found


def _activated(values: Array32, name: str) -> Array32:
    if name == "tanh":
        return np.tanh(values)
    if name == "relu":
        return np.maximum(values, np.float32(0))
    if name == "elu":
        return np.where(values > 0, values, np.expm1(np.minimum(values, 0))).astype(np.float32)
    return values


class Onnx:
    """A network of a file of ONNX: its first input and its first output count.

    Args:
        path: The file.

    Raises:
        ConfigurationError: onnxruntime is not installed, or the file is missing, damaged, or has
            other than one input of numbers in a row.
    """

    def __init__(self, path: Path) -> None:
        self._session = _session(path)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 2 or inputs[0].type != "tensor(float)":
            raise ConfigurationError(
                f"{path} has the inputs {[(i.name, i.type, i.shape) for i in inputs]}, not one of "
                "(batch, numbers) of 32 bits"
            )
        self._input, self._output = inputs[0].name, outputs[0].name
        if not isinstance(inputs[0].shape[1], int):
            raise ConfigurationError(f"{path} doesn't say how many numbers an observation has")
        self.inputs = inputs[0].shape[1]
        self.outputs = self.act(np.zeros(self.inputs, np.float32)).size

    def act(self, observation: Array32) -> Array32:
        """Action, (outputs,), for an observation, (inputs,)."""
        (found,) = self._session.run([self._output], {self._input: observation[None]})
        action: Array32 = np.asarray(found, np.float32).reshape(-1)
        return action


def _session(path: Path) -> Any:
    if not path.is_file():
        raise ConfigurationError(f"no file {path}")
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigurationError(
            f"{path} needs onnxruntime: pip install 'neuro_control[policy]', or give safetensors"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # its complaints come as exceptions
    try:
        return onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its classes have no other base in common
        raise ConfigurationError(f"{path} is damaged or no file of ONNX") from error


def load(path: Path, activation: str = "") -> Network:
    """Network of a file, by the end of its name: ``.onnx`` or ``.safetensors``.

    Args:
        path: The file.
        activation: Activation of hidden layers, for a ``state_dict`` that was trained with another
            than its algorithm's default.

    Raises:
        ConfigurationError: The file is missing, damaged or of another kind, or ``onnxruntime`` is
            needed and not installed.
    """
    if path.suffix == ".onnx":
        return Onnx(path)
    if path.suffix != ".safetensors":
        raise ConfigurationError(f"a policy's network is a .onnx or .safetensors file, not {path}")
    arrays, facts = _read(path)
    try:
        if facts:
            return _of_facts(arrays, facts)
        return Layers(_of_state_dict(path, arrays, activation))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        if isinstance(error, ConfigurationError):
            raise
        raise ConfigurationError(f"{path} holds no layers of a policy ({error!r})") from error


def _read(path: Path) -> tuple[dict[str, Array32], dict[str, Any]]:
    """Arrays of a file of safetensors, and what it says of them if this package wrote it."""
    if not path.is_file():
        raise ConfigurationError(f"no file {path}")
    if path.stat().st_size > _MOST_BYTES:
        raise ConfigurationError(f"{path} has more than the {_MOST_BYTES} bytes that are read")
    try:
        with safe_open(path, framework="numpy") as file:
            own = json.loads((file.metadata() or {}).get("neuro_control", "{}"))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, TypeError, ValueError, OSError) as error:
        raise ConfigurationError(f"{path} is damaged or no safetensors file ({error})") from error
    if own and own.get("kind") != KIND:
        raise ConfigurationError(f"{path} holds {own.get('kind')}, not {KIND}")
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ConfigurationError(f"{path}: {name} holds a number that is not finite")
    return {name: array.astype(np.float32) for name, array in arrays.items()}, own.get("facts", {})


def _of_facts(arrays: dict[str, Array32], facts: dict[str, Any]) -> Layers:
    names = [str(each) for each in facts["activations"]]
    layers = [
        _layer(arrays[f"{k}.weight"], arrays[f"{k}.bias"], name) for k, name in enumerate(names)
    ]
    clip = float(facts.get("clip") or np.inf)
    return Layers(layers, arrays.get("mean"), arrays.get("deviation"), clip)


def _of_state_dict(path: Path, arrays: dict[str, Array32], activation: str) -> list[Layer]:
    for pattern, last, default, output in _KNOWN:
        found = {
            int(match.group(1)): name
            for name in arrays
            if (match := re.fullmatch(rf"{pattern}\.weight", name))
        }
        names = [found[k].removesuffix(".weight") for k in sorted(found)]
        if last is not None and f"{last}.weight" in arrays:
            names.append(last)
        elif last is not None or not names:
            continue
        hidden = activation or default
        activations = [*[hidden] * (len(names) - 1), output]
        return [
            _layer(arrays[f"{name}.weight"], arrays[f"{name}.bias"], each)
            for name, each in zip(names, activations, strict=True)
        ]
    raise ConfigurationError(
        f"{path} holds {', '.join(sorted(arrays)[:6])}, …: no policy of Stable-Baselines3 has such "
        "layers"
    )


def _layer(weight: Array32, bias: Array32, activation: str) -> Layer:
    if activation not in ACTIVATIONS:
        raise ConfigurationError(
            f"no activation '{activation}': there are {', '.join(ACTIVATIONS)}"
        )
    if weight.ndim != 2 or bias.shape != weight.shape[:1]:
        raise ConfigurationError(f"a layer has weights {weight.shape} and biases {bias.shape}")
    return Layer(weight, bias, activation)
