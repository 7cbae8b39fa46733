"""Constants of an expert as the loop over a presentation needs them: in steps."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.places.control.expert import EXCITATORY, Expert, Float, inhibition_delay

Count = NDArray[np.int32]

# Time constants after which nothing is left of inhibition that a number of 32 bits could tell.
_GONE = 20


class Constants(NamedTuple):
    """What the loop over a presentation needs, in steps."""

    steps: int
    delays: int
    refractory: int
    interval: int
    inhibition_delay: int
    inhibition_gone: int
    leak: float
    rest: float
    reset: float
    inhibition: float
    excitation_mean: float
    excitation_decay: float
    inhibition_mean: float
    inhibition_decay: float
    from_inhibitory: float
    conductance: float
    base: float
    adaptation: float
    early_rate: float
    late_rate: float


def constants_of(expert: Expert) -> tuple[Constants, Float, Float]:
    """Constants and the decays of early and late traces by the steps that have gone by."""
    step = expert.step
    gone = np.arange(expert.steps + expert.delays + 1) * step
    # Conductances decay within a step: what acts during it is their mean.
    kept = [np.exp(-step / each) for each in (expert.excitation, expert.inhibition)]
    means = [
        each * (1 - left) / step
        for each, left in zip((expert.excitation, expert.inhibition), kept, strict=True)
    ]
    constants = Constants(
        steps=expert.steps,
        delays=expert.delays,
        refractory=round(EXCITATORY.refractory / step),
        interval=round(expert.interval / step),
        inhibition_delay=max(1, round(inhibition_delay(expert) / step)),
        inhibition_gone=math.ceil(_GONE * expert.inhibition / step),
        leak=step / EXCITATORY.membrane,
        rest=EXCITATORY.rest,
        reset=EXCITATORY.reset,
        inhibition=EXCITATORY.inhibition,
        excitation_mean=means[0],
        excitation_decay=kept[0],
        inhibition_mean=means[1],
        inhibition_decay=kept[1],
        from_inhibitory=expert.from_inhibitory,
        conductance=expert.conductance,
        base=expert.threshold,
        adaptation=expert.adaptation,
        early_rate=expert.early_rate,
        late_rate=expert.late_rate,
    )
    early = np.exp(-gone / expert.early_trace).astype(np.float32)
    late = np.exp(-gone / expert.late_trace).astype(np.float32)
    return constants, early, late
