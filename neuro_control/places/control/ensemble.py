# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Ensembles: many small experts, each trained on a few places, whose scores are compared.

Each expert votes for its own places. For an image of a place that an expert doesn't know, its
neurons should stay silent, which is what regularisation is for (``recogniser``). New places are new
experts: the old experts don't change and forget nothing.

Source: Hussaini, Milford and Fischer (arXiv 2209.08723), section III.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control import weights as weight_files
from neuro_control.errors import ConfigurationError
from neuro_control.places.control.ensemble_settings import EnsembleSettings
from neuro_control.places.control.preprocessing import PatchNormalisation, Preprocessing, Retina
from neuro_control.places.control.types import Array, Array32, Indices

KIND = "an ensemble of place experts"

ASSIGNMENTS = ("standard", "weighted")

# What an array's kind of numbers is called.
_KINDS = {"u": "whole numbers from 0 on", "i": "whole numbers", "f": "floating numbers"}

# Share of a neuron's spikes below which it has not learnt a place, for weighted assignment.
_LEARNT = 0.1
# Share of the places from which on a neuron responds to many, for weighted assignment.
_MANY = 0.02


@dataclass(frozen=True)
class Ensemble:
    """A trained ensemble of E experts for P places.

    Attributes:
        settings: What it is made of and how it was trained.
        names: Names of the places.
        reference: Images of the places, (P, side, side) of uint8.
        poses: Poses of the places, [x y z qx qy qz qw], (P, 7), if known.
        frame_id: Coordinate frame of the poses.
        preprocessing: Preprocessing of the images.
        networks: Network to which each expert belongs, (E,).
        places: Places of each expert, (E, most); -1 where it has fewer.
        weights: Weights of each expert, (E, inputs, neurons).
        thresholds: What adaptation adds to the thresholds, mV, (E, neurons).
        responses: Spikes of each neuron for each of its expert's places, in the last epochs of
            training, (E, most, neurons).
        probe: Places of the reference whose images were presented after training, (probes,).
        probed: Scores of all places that the spiking ensemble gave for them, (probes, P).
        activity: Share of the probes for which each neuron fires without regularisation,
            (E, neurons).
        train_s: Processor time that training took, all experts together, s.
        train_wall_s: Time from beginning to end of training, s; NaN in files that don't say it.
        differences: Differences between the traverses of the reference, from which suppression
            starts, of unit levels, (n, inputs); no rows for one traverse.
    """

    settings: EnsembleSettings
    names: tuple[str, ...]
    reference: NDArray[np.uint8]
    poses: Array | None
    frame_id: str
    preprocessing: Preprocessing
    networks: Indices
    places: Indices
    weights: NDArray[np.float16]
    thresholds: Array32
    responses: NDArray[np.uint16]
    probe: Indices
    probed: NDArray[np.float16]
    activity: Array32
    train_s: float
    train_wall_s: float = float("nan")
    differences: NDArray[np.float16] | None = None

    def write(self, path: Path) -> None:
        """Write the ensemble to a file, whole or not at all."""
        arrays = {
            name: getattr(self, name)
            for name in (
                *("reference", "networks", "places", "weights", "thresholds", "responses"),
                *("probe", "probed", "activity"),
            )
        }
        if self.poses is not None:
            arrays["poses"] = self.poses
        if self.differences is not None:
            arrays["differences"] = self.differences
        retina = self.preprocessing
        if isinstance(retina, Retina):
            arrays |= {"mean": retina.mean, "inhibition": retina.inhibition.astype(np.float16)}
        facts: dict[str, Any] = {
            "design": asdict(self.settings),
            "names": list(self.names),
            "frame_id": self.frame_id,
            "train_s": self.train_s,
            # JSON has no NaN.
            "train_wall_s": self.train_wall_s if np.isfinite(self.train_wall_s) else None,
        }
        weight_files.write(path, KIND, arrays, facts)

    @classmethod
    def read(cls, path: Path) -> Ensemble:
        """The ensemble that ``write`` wrote to a file, in this version or an earlier one.

        Raises:
            ConfigurationError: There is no such file, or it is damaged or something else.
        """
        arrays, facts = weight_files.read(path, KIND)
        try:
            settings = EnsembleSettings.of_file(facts["design"])
            _check_arrays(arrays, settings, len(facts["names"]))
            preprocessing: Preprocessing = PatchNormalisation()
            if settings.preprocessing == "retina":
                preprocessing = Retina(
                    *(arrays.pop("mean"), arrays.pop("inhibition").astype(np.float32)),
                    *(settings.surround, settings.saturation, settings.adaptation),
                )
            poses = arrays.pop("poses", None)
            wall = facts.get("train_wall_s")
            return cls(
                settings=settings,
                names=tuple(str(name) for name in facts["names"]),
                frame_id=str(facts["frame_id"]),
                train_s=float(facts["train_s"]),
                train_wall_s=float("nan") if wall is None else float(wall),
                poses=poses,
                preprocessing=preprocessing,
                **arrays,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"{path} doesn't hold what an ensemble needs ({error}): train it again"
            ) from error

    def votes(self, assignment: str, silenced: NDArray[np.bool_] | None = None) -> Array32:
        """What a spike of each neuron counts for each of its expert's places, (E, most, neurons).

        With standard assignment, a neuron votes for the place for which it fired most in training,
        and a place's score is the mean over its neurons. With weighted assignment, it votes for all
        places that it learnt, by the share of its spikes that they had, and less if it responds to
        many places.

        Args:
            assignment: standard or weighted.
            silenced: Neurons that don't vote, but are counted, (E, neurons).

        Source: Hussaini, Milford and Fischer, Spiking neural networks for visual place recognition
            via weighted neuronal assignments (RA-L 2022), for weighted assignment.
        """
        fired = self.responses.astype(np.float32)
        total = fired.sum(axis=1, keepdims=True)
        if assignment == "standard":
            best = fired.argmax(axis=1)[:, None]
            votes = (np.arange(fired.shape[1])[None, :, None] == best) & (total > 0)
            found = votes / np.maximum(votes.sum(axis=2, keepdims=True), 1)
        else:
            share = fired / np.maximum(total, 1)
            answers = (fired > 0).sum(axis=1, keepdims=True)
            many = answers >= max(_MANY * len(self.names), 1)
            found = np.where(share > _LEARNT, share, 0) / np.where(many, np.maximum(answers, 1), 1)
        if silenced is not None:
            found = found * ~silenced[:, None]
        votes_of: Array32 = found.astype(np.float32)
        return votes_of


def _check_arrays(
    arrays: Mapping[str, NDArray[Any]], settings: EnsembleSettings, count: int
) -> None:
    """Check the arrays of a file against one another, so that none fails once it is used.

    Args:
        arrays: By name; which there are is checked by whoever takes them.
        settings: The ensemble's.
        count: Number of its places.

    Raises:
        ValueError: A shape, a type or an index is wrong.
        KeyError: An array that decides on the shapes is missing.
    """
    experts, most = arrays["places"].shape
    expert = settings.expert
    side = arrays["reference"].shape[-1]
    # Levels of an image: both channels of a retina, or the pixels themselves.
    channels = 2 if settings.preprocessing == "retina" else 1
    if side < 1 or channels * side**2 != expert.inputs:
        raise ValueError(f"images of {side} × {side} don't make {expert.inputs} inputs")
    expected: dict[str, tuple[str, tuple[int, ...]]] = {
        "reference": ("u", (count, side, side)),
        "networks": ("i", (experts,)),
        "places": ("i", (experts, most)),
        "weights": ("f", (experts, expert.inputs, expert.neurons)),
        "thresholds": ("f", (experts, expert.neurons)),
        "responses": ("u", (experts, most, expert.neurons)),
        "probe": ("i", (len(arrays["probe"]),)),
        "probed": ("f", (len(arrays["probe"]), count)),
        "activity": ("f", (experts, expert.neurons)),
        "poses": ("f", (count, 7)),
        "mean": ("f", (side**2,)),
        "inhibition": ("f", (side**2, side**2)),
        "differences": ("f", (len(arrays.get("differences", ())), expert.inputs)),
    }
    for name in (name for name in expected if name in arrays):
        (kind, shape), array = expected[name], arrays[name]
        if array.shape != shape:
            raise ValueError(f"{name} is {array.shape}, not {shape}")
        if array.dtype.kind != kind:
            raise ValueError(f"{name} is of {array.dtype}, not of {_KINDS[kind]}")
    _check_indices("places", arrays["places"], -1, count)
    _check_indices("probe", arrays["probe"], 0, count)
    # A network without experts would have no scores, and a number of networks far too high takes
    # up memory for templates.
    _check_indices("networks", arrays["networks"], 0, experts)


def _check_indices(name: str, indices: NDArray[Any], low: int, count: int) -> None:
    if not indices.size:
        raise ValueError(f"{name} is empty")
    for index in (int(indices.min()), int(indices.max())):
        if not low <= index < count:
            raise ValueError(f"{name} has {index}, which does not lie from {low} to {count - 1}")
