# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Measures how fast places are recognised: one expert, both modes, and in turns with VPRTempo.

Speed hardly depends on what was learnt: the images are textures.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.table import Table

from neuro_control.cli.benchmark import turns_option
from neuro_control.cli.options import json_option
from neuro_control.cli.output import remarks, show_result
from neuro_control.errors import ConfigurationError
from neuro_control.places.control.ensemble import Ensemble
from neuro_control.places.control.ensemble_settings import EnsembleSettings
from neuro_control.places.control.recogniser import Recogniser
from neuro_control.places.control.recogniser_settings import RecogniserSettings
from neuro_control.places.control.stdp.batch_simulator import BatchSimulator
from neuro_control.places.control.stdp.encoding import encode
from neuro_control.places.control.stdp.expert import RETINAL
from neuro_control.places.control.stdp.presentation import ExpertState
from neuro_control.places.control.types import SIDE
from neuro_control.places.evaluation.scoring import peak_memory
from neuro_control.places.evaluation.vprtempo import vprtempo
from neuro_control.places.training.dataset import Traverse
from neuro_control.places.training.train import train

_QUERIES, _FRAMES = 200, 50
_CAMERA = (480, 640)
# Mean firing rate of an input, about that of the retina's channels, Hz.
_RATE = 8.0


def textures(count: int, size: tuple[int, int], seed: int) -> NDArray[np.uint8]:
    """Smooth random images (count, height, width)."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 12, 16), np.uint8)
    whole = [Image.fromarray(each).resize(size[::-1], Image.Resampling.BICUBIC) for each in coarse]
    return np.stack([np.asarray(each) for each in whole])


def textured(places: int) -> Ensemble:
    """An ensemble with default settings that knows textures."""
    names = tuple(str(place) for place in range(places))
    images = tuple(textures(places, (SIDE, SIDE), 0))
    with ThreadPoolExecutor(1) as executor:
        return train([Traverse("textures", names, images)], EnsembleSettings(), executor)


def _seconds(run: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def _rates(recogniser: Recogniser, queries: NDArray[np.uint8], turns: int) -> dict[str, float]:
    """Queries a second, and a second of processor time, which a busy machine hardly changes."""
    wall, processor = [], []
    for _ in range(turns):
        began = time.process_time()
        wall.append(len(queries) / _seconds(partial(recogniser.scores, queries)))
        processor.append(len(queries) / (time.process_time() - began))
    return {
        "queries_per_s": statistics.median(wall),
        "queries_per_cpu_s": statistics.median(processor),
    }


def _frames(recogniser: Recogniser, frames: NDArray[np.uint8]) -> dict[str, float]:
    """Percentiles of the time that a frame of a camera takes, one at a time, ms."""
    recogniser.step(frames[0])
    taken = [1e3 * _seconds(partial(recogniser.step, frame)) for frame in frames]
    return {f"p{share}": float(np.percentile(taken, share)) for share in (50, 99)}


def _presentations(turns: int) -> dict[str, float]:
    """Time of a presentation to one expert on one core, deployed and in training, ms."""
    rng = np.random.default_rng(0)
    simulator, expert = BatchSimulator(RETINAL), RETINAL
    weights = expert.scaled(expert.initial_weights(rng))
    thresholds = np.full(expert.neurons, 40.0, np.float32)
    delays = expert.input_delays(rng)
    rates = rng.exponential(_RATE, expert.inputs).astype(np.float32)

    def respond() -> None:
        state = ExpertState(weights[None], thresholds[None], delays)
        simulator.respond(state, encode(rates, expert, rng))

    def learn() -> None:
        state = ExpertState(expert.scaled(weights), thresholds, delays)
        simulator.learn(state, encode(rates, expert, rng))

    respond()
    learn()
    return {
        "presentation_ms": 1e3 * statistics.median(_seconds(respond) for _ in range(20 * turns)),
        "learning_ms": 1e3 * statistics.median(_seconds(learn) for _ in range(20 * turns)),
    }


def _in_turns(places: int, fast: Recogniser, turns: int) -> dict[str, float] | None:
    """Queries per second of VPRTempo's network alone and of our fast mode, in turns."""
    images = textures(places, (SIDE, SIDE), 0)
    queries = textures(_QUERIES, (SIDE, SIDE), 1)
    rates: dict[str, list[float]] = {"vprtempo": [], "fast": []}
    try:
        for turn in range(turns):
            run = vprtempo([images], queries, seed=turn, epochs=1, size=(SIDE, SIDE), patch=7)
            rates["vprtempo"].append(run.forward_per_s)
            rates["fast"].append(_QUERIES / _seconds(partial(fast.scores, queries)))
    except ConfigurationError as error:
        remarks.print(f"without VPRTempo: {error}", markup=False)
        return None
    return {name: statistics.median(each) for name, each in rates.items()}


@click.command()
@click.option(
    "--places",
    type=click.IntRange(10, 10_000),
    default=1380,
    show_default=True,
    help="Number of places of the reference.",
)
@turns_option
@json_option
def benchmark(places: int, turns: int, json: str | None) -> None:
    """Measure how fast places are recognised, also by VPRTempo if it is installed."""
    with remarks.status("building"):
        ensemble = textured(places)
        fast = Recogniser(ensemble)
        spiking = Recogniser(ensemble, RecogniserSettings(mode="spiking"))
    queries = textures(_QUERIES, (SIDE, SIDE), 1)
    frames = textures(_FRAMES, _CAMERA, 2)
    with remarks.status("recognising"):
        modes = {"fast": fast, "spiking": spiking}
        fast.scores(queries[:1])
        spiking.scores(queries[:1])  # compiles
        rates = {name: _rates(each, queries, turns) for name, each in modes.items()}
        result: dict[str, Any] = {
            "places": places,
            "neurons": ensemble.thresholds.size,
            **_presentations(turns),
            **{f"{name}_{rate}": found[rate] for name, found in rates.items() for rate in found},
            "fast_frame_ms": _frames(fast, frames),
            "spiking_frame_ms": _frames(spiking, frames),
            "memory_mb": peak_memory(),
        }
    with remarks.status("VPRTempo"):
        result["in_turns"] = _in_turns(
            min(places, 100), Recogniser(textured(min(places, 100))), turns
        )
    show_result(result, json, _table(result))


def _table(result: dict[str, Any]) -> Table:
    table = Table("measurement", "value", title=f"places: {result['places']}")
    table.add_row("one expert, one presentation, one core, ms", f"{result['presentation_ms']:.2f}")
    table.add_row("the same while it learns, ms", f"{result['learning_ms']:.2f}")
    for mode in ("fast", "spiking"):
        table.add_row(f"{mode}, queries/s", f"{result[f'{mode}_queries_per_s']:.0f}")
        table.add_row(
            f"{mode}, queries/s of processor time", f"{result[f'{mode}_queries_per_cpu_s']:.0f}"
        )
        taken = result[f"{mode}_frame_ms"]
        table.add_row(
            f"{mode}, a camera's frame, ms", f"p50 {taken['p50']:.1f}, p99 {taken['p99']:.1f}"
        )
    table.add_row("memory at most, MB", f"{result['memory_mb']:.0f}")
    both = result["in_turns"]
    table.add_row(
        "100 places, network alone, queries/s",
        "VPRTempo is not installed"
        if both is None
        else f"fast {both['fast']:.0f}, VPRTempo {both['vprtempo']:.0f}",
    )
    return table
