# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Exports what Stable-Baselines3 trained to a file that a policy's table names.

The actor alone is written, without exploration: what ``model.predict(…, deterministic=True)``
answers, before it is cut off at the action space's bounds (PPO, A2C) or scaled to them (SAC, TD3,
DDPG). With ``VecNormalize``, the observation's normalisation goes into the file.

    model = PPO("MlpPolicy", env).learn(50_000)
    export(model, Path("policy.safetensors"))    # or policy.onnx
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control import weights as weight_files
from neuro_control.errors import ConfigurationError
from neuro_control.files import write_bytes
from neuro_control.policy.control.networks import KIND

try:
    import torch
    from torch import nn
except ImportError as error:
    raise ConfigurationError(
        "to export a policy needs torch: pip install 'neuro_control[train]'"
    ) from error

Array32 = NDArray[np.float32]

_ACTIVATIONS = {nn.Tanh: "tanh", nn.ReLU: "relu", nn.ELU: "elu"}
# Version of ONNX's operators.
_OPSET = 17


def export(model: Any, path: Path, normalisation: Any = None) -> None:
    """Write a model's actor, whole or not at all.

    Args:
        model: A model of Stable-Baselines3 with an ``MlpPolicy`` and one vector as observation.
        path: File whose name ends in ``.safetensors`` or ``.onnx``.
        normalisation: The ``VecNormalize`` that it was trained behind, if its observations were
            normalised.

    Raises:
        ConfigurationError: The actor is not made of layers, or the name has another end.
    """
    layers = _layers(model.policy)
    mean, deviation, clip = _normalisation(normalisation)
    if path.suffix == ".safetensors":
        arrays, activations = _arrays(layers)
        if mean is not None and deviation is not None:
            arrays |= {"mean": mean, "deviation": deviation}
        facts = {"activations": activations, "clip": clip, "algorithm": type(model).__name__}
        weight_files.write(path, KIND, arrays, facts)
    elif path.suffix == ".onnx":
        write_bytes(path, _onnx(_Normalised(layers, mean, deviation, clip)))
    else:
        raise ConfigurationError(f"a policy's file ends in .safetensors or .onnx, not as {path}")


def _layers(policy: Any) -> nn.Sequential:
    """The actor as layers in a row."""
    extractor: Any = getattr(policy, "mlp_extractor", None)
    actor: Any = getattr(policy, "actor", None)
    if extractor is not None:
        modules = [*extractor.policy_net, policy.action_net]
    elif hasattr(actor, "latent_pi"):
        modules = [*actor.latent_pi, actor.mu, nn.Tanh()]
    elif actor is not None:
        modules = [*actor.mu]
    else:
        raise ConfigurationError(f"{type(policy).__name__} has no actor of layers")
    known = (nn.Linear, *_ACTIVATIONS)
    other = [type(each).__name__ for each in modules if not isinstance(each, known)]
    if other:
        raise ConfigurationError(f"the actor has {', '.join(other)}, which are no layers")
    return nn.Sequential(*modules)


def _normalisation(normalisation: Any) -> tuple[Array32 | None, Array32 | None, float]:
    """Mean, deviation and bound of ``VecNormalize``; without one None, None and 0."""
    if normalisation is None or not normalisation.norm_obs:
        return None, None, 0.0
    found = normalisation.obs_rms
    deviation = np.sqrt(found.var + normalisation.epsilon)
    return found.mean.astype(np.float32), deviation.astype(np.float32), normalisation.clip_obs


def _arrays(layers: nn.Sequential) -> tuple[dict[str, Array32], list[str]]:
    arrays: dict[str, Array32] = {}
    activations: list[str] = []
    for module in layers:
        if isinstance(module, nn.Linear):
            k = len(activations)
            arrays[f"{k}.weight"] = module.weight.detach().cpu().numpy()
            arrays[f"{k}.bias"] = module.bias.detach().cpu().numpy()
            activations.append("none")
        else:
            activations[-1] = _ACTIVATIONS[type(module)]
    return arrays, activations


class _Normalised(nn.Module):
    """An actor behind its normalisation."""

    def __init__(
        self,
        layers: nn.Sequential,
        mean: Array32 | None,
        deviation: Array32 | None,
        clip: float,
    ) -> None:
        super().__init__()
        self.layers, self._clip = layers, clip
        self._mean = None if mean is None else torch.as_tensor(mean)
        self._deviation = torch.ones(1) if deviation is None else torch.as_tensor(deviation)

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        if self._mean is not None:
            scaled = (observation - self._mean) / self._deviation
            observation = scaled.clamp(-self._clip, self._clip)
        found: torch.Tensor = self.layers(observation)
        return found


def _onnx(actor: _Normalised) -> bytes:
    inputs: Any = actor.layers[0].in_features
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # The older exporter needs one package less, and says that it is the older one.
        warnings.simplefilter("ignore")
        file = Path(folder, "policy.onnx")
        try:
            torch.onnx.export(
                actor.cpu().eval(), (torch.zeros(1, inputs),), file, dynamo=False,
                input_names=["observation"], output_names=["action"], opset_version=_OPSET,
                dynamic_axes={"observation": {0: "batch"}, "action": {0: "batch"}},
            )  # fmt: skip
        except ImportError as error:
            raise ConfigurationError(
                f"to export to ONNX needs {error.name}: pip install 'neuro_control[policy]'"
            ) from error
        return file.read_bytes()
