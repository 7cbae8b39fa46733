"""Ensembles: many small experts, each trained on a few places, that answer together.

Each expert votes for its own places; an image of a place that none of them knows should leave all
of them quiet, which is what regularisation is for (``recogniser``). New places are new experts: the
old ones don't change and forget nothing.

Source: Hussaini, Milford and Fischer (arXiv 2209.08723), section III.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control import weights as files
from neuro_control.errors import ConfigurationError
from neuro_control.places.control.expert import PAPER, RETINAL, Expert
from neuro_control.places.control.preprocessing import Eye, PatchEye, Retina

Float = NDArray[np.float32]
Places = NDArray[np.int64]

KIND = "an ensemble of place experts"

EYES = ("retina", "patch")
REGIONS = ("contiguous", "random")
ASSIGNMENTS = ("standard", "weighted")

# Share of a neuron's spikes below which it has not learnt a place, for weighted assignment.
_LEARNT = 0.1
# Share of the places from which on a neuron answers to many, for weighted assignment.
_MANY = 0.02


@dataclass(frozen=True)
class Design:
    """What an ensemble is made of and how it is trained.

    Attributes:
        eye: retina, or the paper's patch normalisation.
        regions: The places of an expert lie together (contiguous), or are drawn (random).
        places: Of an expert, at most.
        networks: Experts for each place, of different seeds; their scores are summed.
        neurons: Excitatory neurons of an expert.
        epochs: Times that an expert sees each image.
        seed: Of weights, delays, input spikes and drawn places.
        surround: See ``Retina``, pixels; 0 compares with the whole image.
        shrinkage: See ``Retina``.
        saturation: See ``Retina``, standard deviations.
        adaptation: See ``Retina``, images.

    Raises:
        ConfigurationError: A number is out of range, or a word is none of those there are.
    """

    eye: str = "retina"
    regions: str = "contiguous"
    places: int = 25
    networks: int = 1
    neurons: int = 400
    epochs: int = 60
    seed: int = 0
    surround: float = 2.0
    shrinkage: float = 20.0
    saturation: float = 3.0
    adaptation: float = 3.0

    def __post_init__(self) -> None:
        for name, words in (("eye", EYES), ("regions", REGIONS)):
            if getattr(self, name) not in words:
                raise ConfigurationError(
                    f"{name} is one of {', '.join(words)}, not '{getattr(self, name)}'"
                )
        for name in ("places", "networks", "neurons", "epochs"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be 1 or more, not {getattr(self, name)}")
        if not self.surround >= 0:
            raise ConfigurationError(f"surround must be 0 or more, not {self.surround}")
        for name in ("shrinkage", "saturation", "adaptation"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"{name} must be above 0, not {getattr(self, name)}")

    @property
    def expert(self) -> Expert:
        """Constants of the experts."""
        chosen = RETINAL if self.eye == "retina" else PAPER
        return Expert(**{**asdict(chosen), "neurons": self.neurons})

    def eye_for(self, traverses: Sequence[NDArray[np.uint8]]) -> Eye:
        """The eye for a route, from its reference traverses (n, side, side)."""
        if self.eye == "patch":
            return PatchEye()
        return Retina.learn(
            traverses, self.surround, self.shrinkage, self.saturation, self.adaptation
        )

    def divided(self, first: int, count: int) -> list[tuple[int, Places]]:
        """The network and places of each expert, for ``count`` places from ``first`` on."""
        divided = []
        for network in range(self.networks):
            order = first + np.arange(count)
            if self.regions == "random":
                rng = np.random.default_rng([self.seed, network, first])
                order = rng.permutation(order)
            parts = np.array_split(order, -(-count // self.places))
            divided += [(network, part.astype(np.int64)) for part in parts]
        return divided


@dataclass(frozen=True)
class Ensemble:
    """A trained ensemble of E experts for P places.

    Attributes:
        design: What it was made of.
        names: Of the places.
        reference: Images of the places, (P, side, side) of uint8.
        poses: Of the places, [x y z qx qy qz qw], (P, 7), if known.
        frame_id: What the poses are relative to.
        eye: What it sees with.
        networks: Which network each expert belongs to, (E,).
        places: Of each expert, (E, most); -1 where it has fewer.
        weights: (E, inputs, neurons).
        thresholds: What adaptation adds to the thresholds, mV, (E, neurons).
        responses: Spikes of each neuron for each of its expert's places, in the last epochs of
            training, (E, most, neurons).
        probe: Places of the reference that were shown to the trained experts, (probes,).
        probed: Scores of all places that the spiking ensemble gave for them, (probes, P).
        activity: Share of the probes for which each neuron fires, unregularised, (E, neurons).
        train_s: Time that training took, all cores together, s.
    """

    design: Design
    names: tuple[str, ...]
    reference: NDArray[np.uint8]
    poses: NDArray[np.float64] | None
    frame_id: str
    eye: Eye
    networks: NDArray[np.int64]
    places: Places
    weights: NDArray[np.float16]
    thresholds: Float
    responses: NDArray[np.uint16]
    probe: Places
    probed: NDArray[np.float16]
    activity: Float
    train_s: float

    def write(self, path: Path) -> None:
        """Write it to a file, whole or not at all."""
        arrays = {
            name: getattr(self, name)
            for name in (
                *("reference", "networks", "places", "weights", "thresholds", "responses"),
                *("probe", "probed", "activity"),
            )
        }
        if self.poses is not None:
            arrays["poses"] = self.poses
        if isinstance(self.eye, Retina):
            arrays |= {"mean": self.eye.mean, "inhibition": self.eye.inhibition.astype(np.float16)}
        facts: dict[str, Any] = {
            "design": asdict(self.design),
            "names": list(self.names),
            "frame_id": self.frame_id,
            "train_s": self.train_s,
        }
        files.write(path, KIND, arrays, facts)

    @classmethod
    def read(cls, path: Path) -> Ensemble:
        """What ``write`` wrote.

        Raises:
            ConfigurationError: There is no such file, or it is damaged or something else.
        """
        arrays, facts = files.read(path, KIND)
        try:
            # Nothing takes its default here: what an older version wrote was seen otherwise.
            missing = [each.name for each in fields(Design) if each.name not in facts["design"]]
            if missing:
                raise ValueError(f"no {', '.join(missing)}")
            design = Design(**facts["design"])
            eye: Eye = PatchEye()
            if design.eye == "retina":
                eye = Retina(
                    *(arrays.pop("mean"), arrays.pop("inhibition").astype(np.float32)),
                    *(design.surround, design.saturation, design.adaptation),
                )
            poses = arrays.pop("poses", None)
            read = cls(
                design=design,
                names=tuple(facts["names"]),
                frame_id=str(facts["frame_id"]),
                train_s=float(facts["train_s"]),
                poses=poses,
                eye=eye,
                **arrays,
            )
            read._check()
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"{path} doesn't hold what an ensemble needs ({error}): train it again"
            ) from error
        return read

    def _check(self) -> None:
        experts, most = self.places.shape
        expert = self.design.expert
        count = len(self.names)
        expected = {
            "reference": (count, *self.reference.shape[1:]),
            "networks": (experts,),
            "weights": (experts, expert.inputs, expert.neurons),
            "thresholds": (experts, expert.neurons),
            "responses": (experts, most, expert.neurons),
            "probed": (len(self.probe), count),
            "activity": (experts, expert.neurons),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} is {getattr(self, name).shape}, not {shape}")
        if self.poses is not None and self.poses.shape != (count, 7):
            raise ValueError(f"poses are {self.poses.shape}, not {(count, 7)}")
        if self.places.max() >= count:
            raise ValueError(f"an expert has place {self.places.max()} of {count}")

    def votes(self, assignment: str, silenced: NDArray[np.bool_] | None = None) -> Float:
        """What each neuron's spikes count for each of its expert's places, (E, most, neurons).

        Standard: a neuron votes for the place for which it fired most in training, and a place's
        score is the mean over its neurons. Weighted: it votes for all places that it learnt, by the
        share of its spikes that they had, less if it answers to many.

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
        votes_of: Float = found.astype(np.float32)
        return votes_of
