"""Training of ensembles, expert by expert, resumable to the same ensemble.

Source: Hussaini, Milford and Fischer (arXiv 2209.08723), section III.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, as_completed
from pathlib import Path
from typing import Any

import click
import numpy as np
from click.core import ParameterSource
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from neuro_control import weights as files
from neuro_control.cli.output import remarks
from neuro_control.errors import ConfigurationError
from neuro_control.files import write_text
from neuro_control.learning.executors import workers
from neuro_control.places.control.batch_simulator import Runner, shower
from neuro_control.places.control.ensemble import EYES, REGIONS, Design, Ensemble
from neuro_control.places.control.expert import Expert, encode
from neuro_control.places.control.images import HZ_PER_LEVEL, shrink
from neuro_control.places.control.recogniser import Recogniser
from neuro_control.places.training.dataset import Traverse, open_traverse, pair

Float = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]

# Epochs at the end of training whose spikes tell which places a neuron answers to.
_COUNTED = 5
# Images of the reference that are shown to the trained ensemble, in stretches of the route.
_PROBES = 200
_STRETCH = 20

# A presentation and the rest after it, s.
_CYCLE = 0.5

_EXPERT = "a place expert in training"


def train_expert(levels: Float, expert: Expert, epochs: int, seed: Sequence[int]) -> Arrays:
    """An expert's training from its beginning.

    Args:
        levels: Of the inputs, for each traverse and place, (traverses, places, inputs); shown
            traverse after traverse.
        expert: Its constants.
        epochs: Times that each image is shown.
        seed: Of weights, delays and spikes.

    Returns:
        ``weights`` (inputs, neurons), ``thresholds`` (neurons,), ``responses`` (places, neurons)
        in the last five epochs, and the ``seconds`` that it took.
    """
    began = time.perf_counter()
    rng = np.random.default_rng(seed)
    runner = Runner(expert)
    weights = expert.initial_weights(rng)
    thresholds = np.full(expert.neurons, expert.initial_adaptation, np.float32)
    delays = expert.input_delays(rng)
    kept = np.float32(np.exp(-_CYCLE / expert.adaptation_decay))
    responses = np.zeros((levels.shape[1], expert.neurons), np.uint16)
    rates = levels * np.float32(HZ_PER_LEVEL)
    for epoch in range(epochs):
        for traverse in rates:
            for place, image in enumerate(traverse):
                weights = expert.scaled(weights)
                counts = runner.learn(weights, thresholds, encode(image, expert, rng), delays)
                thresholds *= kept
                if epoch >= epochs - _COUNTED:
                    responses[place] += counts.astype(np.uint16)
    return {
        "weights": expert.scaled(weights).astype(np.float16),
        "thresholds": thresholds,
        "responses": responses,
        "seconds": np.array([time.perf_counter() - began]),
    }


def train(
    traverses: Sequence[Traverse],
    design: Design,
    executor: Executor,
    progress: Path | None = None,
    known: Ensemble | None = None,
    advance: Callable[[int, int], None] = lambda _done, _experts: None,
) -> Ensemble:
    """An ensemble for the places of a reference.

    Args:
        traverses: Of the reference, of small images (side, side); the first names the places.
        design: Of the ensemble.
        executor: Trains the experts.
        progress: Folder for experts that are done: a training that was cut off goes on there.
        known: Ensemble to which the places are added; its experts stay as they are.
        advance: Told how many experts are done, of how many.

    Raises:
        ConfigurationError: The traverses are not of the same places, or places are known already.
    """
    names, images = _aligned(traverses)
    first = 0
    if known is None:
        eye = design.eye_for(images)
    else:
        eye, first = known.eye, len(known.names)
        _check_added(names, traverses[0], known)
    levels = np.stack([eye.see_traverse(each) for each in images])
    divided = design.divided(first, len(names))
    done = _resumed(progress, _fingerprint(levels, design, first), len(divided))
    advance(len(done), len(divided))
    futures = {
        executor.submit(
            train_expert,
            *(levels[:, places - first], design.expert, design.epochs),
            [design.seed, network, int(places.min()), first],
        ): index
        for index, (network, places) in enumerate(divided)
        if index not in done
    }
    try:
        for future in as_completed(futures):
            index = futures[future]
            done[index] = future.result()
            if progress is not None:
                files.write(_part(progress, index), _EXPERT, done[index], {})
            advance(len(done), len(divided))
    except BaseException:
        for future in futures:
            future.cancel()
        raise
    ensemble = _gathered(
        design, names, traverses[0], images[0], eye, divided, [done[i] for i in range(len(divided))]
    )
    return _probed(ensemble if known is None else _joined(known, ensemble))


def _aligned(traverses: Sequence[Traverse]) -> tuple[tuple[str, ...], list[NDArray[np.uint8]]]:
    """Names of the places and each traverse's images of them, in the order of the first."""
    reference = traverses[0]
    found = [np.stack(reference.images)]
    for other in traverses[1:]:
        order = pair(other, reference)
        if (order < 0).any():
            lacking = reference.names[int((order < 0).argmax())]
            raise ConfigurationError(f"{other.source} has no usable image of {lacking}")
        found.append(np.stack(other.images)[order])
    return reference.names, found


def _check_added(names: Sequence[str], added: Traverse, known: Ensemble) -> None:
    twice = sorted(set(names) & set(known.names))
    if twice:
        raise ConfigurationError(
            f"the ensemble knows {twice[0]} already, as {len(twice)} of the {len(names)} places of "
            f"{added.source}: give new places only"
        )
    if (added.poses is None) != (known.poses is None):
        raise ConfigurationError(
            f"{added.source} and the ensemble must both have poses, or neither"
        )
    if added.poses is not None and added.frame_id != known.frame_id:
        raise ConfigurationError(
            f"poses of {added.source} are in '{added.frame_id}', the ensemble's in "
            f"'{known.frame_id}': bring both into one frame"
        )


def _fingerprint(levels: Float, design: Design, first: int) -> str:
    """What must be equal for a training to be gone on with."""
    text = json.dumps([dataclasses.asdict(design), first, levels.shape])
    return hashlib.sha256(text.encode() + levels.tobytes()).hexdigest()


def _part(progress: Path, index: int) -> Path:
    return progress / f"expert-{index:05d}.safetensors"


def _resumed(progress: Path | None, fingerprint: str, experts: int) -> dict[int, Arrays]:
    """Experts of this very training that are done already."""
    if progress is None:
        return {}
    mark = progress / "training"
    if progress.exists() and (not mark.is_file() or mark.read_text() != fingerprint):
        raise ConfigurationError(
            f"{progress} holds another training, of other images or another design: go on with "
            "that one, or remove the folder"
        )
    write_text(mark, fingerprint)
    there = [index for index in range(experts) if _part(progress, index).exists()]
    return {index: files.read(_part(progress, index), _EXPERT)[0] for index in there}


def _gathered(
    design: Design,
    names: tuple[str, ...],
    reference: Traverse,
    images: NDArray[np.uint8],
    eye: Any,
    divided: Sequence[tuple[int, NDArray[np.int64]]],
    trained: Sequence[Arrays],
) -> Ensemble:
    most = max(len(places) for _, places in divided)
    places = np.full((len(divided), most), -1, np.int64)
    responses = np.zeros((len(divided), most, design.neurons), np.uint16)
    for index, (_, own) in enumerate(divided):
        places[index, : len(own)] = own
        responses[index, : len(own)] = trained[index]["responses"]
    return Ensemble(
        design=design,
        names=names,
        reference=images,
        poses=reference.poses,
        frame_id=reference.frame_id,
        eye=eye,
        networks=np.array([network for network, _ in divided]),
        places=places,
        weights=np.stack([each["weights"] for each in trained]),
        thresholds=np.stack([each["thresholds"] for each in trained]),
        responses=responses,
        probe=np.zeros(0, np.int64),
        probed=np.zeros((0, len(names)), np.float16),
        activity=np.zeros((len(divided), design.neurons), np.float32),
        train_s=float(sum(each["seconds"][0] for each in trained)),
    )


def _joined(known: Ensemble, added: Ensemble) -> Ensemble:
    """Both ensembles' experts; the added ones' places are numbered after the known ones'."""
    most = max(known.places.shape[1], added.places.shape[1])

    def widened(array: NDArray[Any], fill: int) -> NDArray[Any]:
        lacking = [(0, 0)] * array.ndim
        lacking[1] = (0, most - array.shape[1])
        return np.pad(array, lacking, constant_values=fill)

    both = (known, added)
    return dataclasses.replace(
        known,
        names=known.names + added.names,
        reference=np.concatenate([each.reference for each in both]),
        poses=None if known.poses is None else np.concatenate([each.poses for each in both]),
        networks=np.concatenate([each.networks for each in both]),
        places=np.concatenate([widened(each.places, -1) for each in both]),
        weights=np.concatenate([each.weights for each in both]),
        thresholds=np.concatenate([each.thresholds for each in both]),
        responses=np.concatenate([widened(each.responses, 0) for each in both]),
        activity=np.concatenate([each.activity for each in both]),
        probe=np.zeros(0, np.int64),
        probed=np.zeros((0, len(known.names) + len(added.names)), np.float16),
        train_s=known.train_s + added.train_s,
    )


def _probed(ensemble: Ensemble) -> Ensemble:
    """The ensemble, with what it makes of images of the reference itself."""
    count = len(ensemble.names)
    stretches = max(min(_PROBES, count) // _STRETCH, 1)
    starts = np.linspace(0, max(count - _STRETCH, 0), stretches).astype(int)
    probe = np.unique((starts[:, None] + np.arange(min(_STRETCH, count))).ravel())
    expert = ensemble.design.expert
    weights = ensemble.weights.astype(np.float32)
    show = shower(weights, expert, ensemble.design.seed)
    levels = ensemble.eye.see_traverse(ensemble.reference)[probe]
    fired = np.zeros_like(ensemble.activity)
    for index, row in enumerate(levels):
        rng = np.random.default_rng([ensemble.design.seed, index])
        counts, _ = show(encode(row * np.float32(HZ_PER_LEVEL), expert, rng), ensemble.thresholds)
        fired += counts > 0
    recogniser = Recogniser(ensemble, mode="spiking")
    return dataclasses.replace(
        ensemble,
        probe=probe,
        probed=recogniser.scores_of(levels).astype(np.float16),
        activity=fired / np.float32(len(probe)),
    )


@click.command("train")
@click.option(
    "--reference",
    "references",
    type=click.Path(path_type=Path),
    multiple=True,
    required=True,
    help="Folder, list or bag of images along the route; repeat it for more traverses of it.",
)
@click.option(
    "--images", type=click.Path(path_type=Path), help="Folder of the images that a list names."
)
@click.option("--topic", help="Of the images in a bag; by default the only one.")
@click.option("--pose-topic", help="Of the poses in a bag.")
@click.option(
    "--stride", type=click.IntRange(1), default=1, help="Take the first of so many images."
)
@click.option(
    "--period", type=click.FloatRange(0), default=0.0, help="Take an image every so many seconds."
)
@click.option("--first", type=click.IntRange(1), help="Take so many places from the beginning.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Model file."
)
@click.option(
    "--extend",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Model whose places are kept; the reference's are added to them.",
)
@click.option("--eye", type=click.Choice(EYES), default="retina", show_default=True)
@click.option("--regions", type=click.Choice(REGIONS), default="contiguous", show_default=True)
@click.option(
    "--places",
    type=click.IntRange(1),
    default=25,
    show_default=True,
    help="Of an expert, at most.",
)
@click.option(
    "--networks",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Experts for each place, of different seeds.",
)
@click.option(
    "--neurons", type=click.IntRange(1), default=400, show_default=True, help="Of an expert."
)
@click.option("--epochs", type=click.IntRange(1), default=60, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=len(os.sched_getaffinity(0)),
    show_default="all cores",
    help="Processes that train experts.",
)
@click.option("--cluster", help="Address of a dask scheduler, in place of processes.")
def command(
    references: tuple[Path, ...],
    images: Path | None,
    topic: str | None,
    pose_topic: str | None,
    stride: int,
    period: float,
    first: int | None,
    out: Path,
    extend: Path | None,
    eye: str,
    regions: str,
    places: int,
    networks: int,
    neurons: int,
    epochs: int,
    seed: int,
    jobs: int,
    cluster: str | None,
) -> None:
    """Train an ensemble of spiking experts on the images of a route.

    What is trained is kept beside the model until it is whole: the same command goes on after it
    was cut off.
    """
    known = None if extend is None else Ensemble.read(extend)
    if known is not None:
        _refuse_designs()
    design = (
        Design(eye, regions, places, networks, neurons, epochs, seed)
        if known is None
        else dataclasses.replace(known.design, epochs=epochs)
    )
    traverses = [
        shortened(
            open_traverse(
                reference,
                images=images,
                topic=topic,
                pose_topic=pose_topic,
                stride=stride,
                period=period,
                keep=shrink,
            ),
            first,
        )
        for reference in references
    ]
    progress = out.with_name(out.name + ".progress")
    with (
        Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("experts"),
            TimeRemainingColumn(),
            console=remarks,
            disable=not remarks.is_terminal,
        ) as bar,
        workers(jobs, cluster) as executor,
    ):
        task = bar.add_task("", total=None)
        ensemble = train(
            *(traverses, design, executor, progress, known),
            lambda done, experts: bar.update(task, completed=done, total=experts),
        )
    ensemble.write(out)
    shutil.rmtree(progress)
    remarks.print(
        f"written: {out}: {len(ensemble.names)} places, {len(ensemble.places)} experts",
        markup=False,
        soft_wrap=True,
    )


def _refuse_designs() -> None:
    """An ensemble that is extended keeps its design, but for the epochs."""
    context = click.get_current_context()
    fixed = ("eye", "regions", "places", "networks", "neurons", "seed")
    for name in fixed:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise ConfigurationError(
                f"--{name} is that of the model that --extend names: leave it out"
            )


def shortened(traverse: Traverse, first: int | None) -> Traverse:
    """A traverse's first images; all of them with None."""
    if first is None:
        return traverse

    def part(values: Any) -> Any:
        return None if values is None else values[:first]

    return dataclasses.replace(
        traverse,
        names=part(traverse.names),
        images=part(traverse.images),
        rows=part(traverse.rows),
        stamps=part(traverse.stamps),
        poses=part(traverse.poses),
    )
