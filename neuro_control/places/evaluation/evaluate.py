"""How well places are recognised: an ensemble and its baselines on the same images."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from neuro_control.cli.options import json_option
from neuro_control.cli.output import print_table, write_json
from neuro_control.errors import ConfigurationError
from neuro_control.places.control.batch_simulator import CORES
from neuro_control.places.control.ensemble import ASSIGNMENTS, Ensemble
from neuro_control.places.control.images import PATCH, normalise_patches, shrink
from neuro_control.places.control.online_statistics import NEAR
from neuro_control.places.control.recogniser import MODES, REGULARISATIONS, Recogniser
from neuro_control.places.control.sequences import sequence, sequence_ahead
from neuro_control.places.evaluation import figures
from neuro_control.places.evaluation.baselines import descriptors, matrix, sad
from neuro_control.places.evaluation.metrics import (
    NS,
    accept_rates,
    area_under_curve,
    precision_recall,
    recall_at,
    recall_at_full_precision,
)
from neuro_control.places.evaluation.vprtempo import vprtempo
from neuro_control.places.training.dataset import Traverse, open_traverse, pair, pair_by_pose
from neuro_control.places.training.train import shortened

Similarity = NDArray[np.floating[Any]]
Truth = NDArray[np.int64]


class Merits(NamedTuple):
    """How well a method did, as shares.

    Attributes:
        recall: R@N by N.
        auc: Area under precision over recall.
        full_precision: Recall at 100 % precision.
    """

    recall: dict[int, float]
    auc: float
    full_precision: float


def merits(similarity: Similarity, truth: Truth, tolerance: int = 0) -> Merits:
    """What a similarity matrix (queries, places) is worth.

    Raises:
        ConfigurationError: As ``metrics.recall_at``.
    """
    curve = precision_recall(similarity, truth, tolerance)
    return Merits(
        recall_at(similarity, truth, tolerance=tolerance),
        area_under_curve(curve),
        recall_at_full_precision(curve),
    )


def sad_similarity(reference: NDArray[np.uint8], query: NDArray[np.uint8]) -> Similarity:
    """Of small images, by the sum of absolute differences of their normalised patches."""
    normalised = [np.stack([normalise_patches(image) for image in each]) for each in
                  (reference, query)]  # fmt: skip
    return sad(*normalised)


def originals(traverse: Traverse) -> NDArray[np.uint8]:
    """Images of a traverse as they are stored, (n, H, W): a peer makes them small in its own way.

    Raises:
        ConfigurationError: They are of different sizes.
    """
    whole = open_traverse(Path(traverse.source))
    by_name = dict(zip(whole.names, whole.images, strict=True))
    found = [by_name[name] for name in traverse.names]
    if len({image.shape for image in found}) > 1:
        raise ConfigurationError(
            f"the images of {traverse.source} are of different sizes: VPRTempo takes one size"
        )
    return np.stack(found)


def acceptance(
    similarity: Similarity, truth: Truth, thresholds: NDArray[np.float64]
) -> tuple[float, float]:
    """Shares of queries accepted: if their place had never been visited, and as it is.

    For the first, each query's own place and those near it are left out of the reference; a query
    that has no place there counts as it is. NaN of the second, if no query has a place.

    Args:
        similarity: (queries, places).
        truth: Place of each query, -1 for none.
        thresholds: Score from which on each query is accepted, (queries,).
    """
    places = np.arange(similarity.shape[1])
    near = np.abs(places[None, :] - truth[:, None]) <= NEAR
    known = truth >= 0
    foreign = np.where(near & known[:, None], -np.inf, similarity).max(axis=1) >= thresholds
    own = (similarity.max(axis=1) >= thresholds)[known]
    accepted = np.concatenate([foreign, own]).astype(np.float64)
    return accept_rates(accepted, np.arange(len(accepted)) >= len(foreign), 1.0)


def peak_memory() -> float:
    """Most memory that this process has held, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def matched(similarity: Similarity, length: int, ahead: bool) -> Similarity:
    """Similarities by sequences: the paper's, of the queries to come, or those a robot can know."""
    return sequence_ahead(similarity, length) / length if ahead else sequence(similarity, length)


def judged(truth: Truth, places: int, length: int, ahead: bool) -> Truth:
    """The truth for ``matched``: the paper's sequences begin at fewer queries and places."""
    if not ahead:
        return truth
    left = truth[: len(truth) - length + 1]
    return np.where(left <= places - length, left, -1)


def measure(
    recogniser: Recogniser,
    query: NDArray[np.uint8],
    truth: Truth,
    length: int = 1,
    tolerance: int = 0,
    ahead: bool = False,
) -> tuple[Similarity, dict[str, Any]]:
    """An ensemble's similarities for queries, and what they are worth and cost.

    Args:
        recogniser: The ensemble at work.
        query: Small images (queries, side, side).
        truth: Place of each query, -1 for none.
        length: Queries of a sequence.
        tolerance: Places to either side that are right, too.
        ahead: The queries to come make the sequence, as in the paper.
    """
    recogniser.reset()
    began = time.perf_counter()
    similarity = matched(recogniser.scores(query), length, ahead)
    seconds = time.perf_counter() - began
    ensemble = recogniser.ensemble
    truth = judged(truth, len(ensemble.names), length, ahead)
    found = merits(similarity, truth, tolerance)
    thresholds = recogniser.thresholds(similarity)
    never, visited = acceptance(similarity, truth, thresholds)
    return similarity, {
        "n": len(query),
        "places": len(ensemble.names),
        **{f"r{n}": value for n, value in found.recall.items()},
        "auc": found.auc,
        "recall_at_full_precision": found.full_precision,
        "false_accepts": never,
        "true_accepts": visited,
        "queries_per_s": len(query) / seconds,
        "spikes_per_query": recogniser.spikes / len(query),
        "synops_per_query": recogniser.synaptic_operations / len(query),
        "train_s": ensemble.train_s,
        "neurons": ensemble.thresholds.size,
        "memory_mb": peak_memory(),
    }


def _truth(
    model: Path, known: Traverse, query: Traverse, unmatched: bool, within: float | None
) -> Truth:
    if within is not None:
        return pair_by_pose(known, query, within)
    try:
        return pair(known, query, unmatched)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{error}; for the places that {model} knows, --first takes so many of the query's "
            "images, --unmatched allows for places that only one of them has, and --within pairs "
            "by poses"
        ) from error


def _known(ensemble: Ensemble, model: Path, reference: Traverse | None) -> Traverse:
    """The ensemble's places, with the images of the reference that was given."""
    own = Traverse(
        source=str(model),
        names=ensemble.names,
        images=tuple(ensemble.reference),
        poses=ensemble.poses,
        frame_id=ensemble.frame_id,
    )
    if reference is None:
        return own
    if reference.names[: len(own)] != own.names:
        index = next(
            (i for i, (a, b) in enumerate(zip(reference.names, own.names, strict=False)) if a != b),
            len(reference),
        )
        raise ConfigurationError(
            f"{model} was not trained on {reference.source}: they differ from place {index} on; "
            "train it on this reference, or leave --reference out"
        )
    given = shortened(reference, len(own))
    if not np.array_equal(np.stack(given.images), ensemble.reference):
        raise ConfigurationError(
            f"{model} was trained on other images than {reference.source} has under the same "
            "names: give the reference that it was trained on, the first if there were several"
        )
    return given


@click.command()
@click.option(
    "--model", type=click.Path(path_type=Path, dir_okay=False), required=True,
    help="File that training wrote.",
)  # fmt: skip
@click.option(
    "--reference", type=click.Path(path_type=Path),
    help="What it was trained on, checked; without, the images in the model serve the baselines.",
)  # fmt: skip
@click.option(
    "--query", type=click.Path(path_type=Path), required=True,
    help="Folder, list or bag of images to be recognised.",
)  # fmt: skip
@click.option(
    "--images", type=click.Path(path_type=Path), help="Folder of the images that a list names."
)
@click.option("--topic", help="Of the images in a bag; by default the only one.")
@click.option("--pose-topic", help="Of the poses in a bag.")
@click.option("--first", type=click.IntRange(1), help="Take so many queries from the beginning.")
@click.option("--unmatched", is_flag=True, help="Queries may be of places never visited.")
@click.option(
    "--within", type=click.FloatRange(min=0.0, min_open=True),
    help="Pair by poses: the nearest place within so many metres is right.",
)  # fmt: skip
@click.option(
    "--tolerance", type=click.IntRange(0), default=0, show_default=True,
    help="Places to either side that are right, too.",
)  # fmt: skip
@click.option("--mode", type=click.Choice(MODES), default="fast", show_default=True)
@click.option(
    "--regularisation", type=click.Choice(REGULARISATIONS), default="homeostasis",
    show_default=True,
)  # fmt: skip
@click.option("--assignment", type=click.Choice(ASSIGNMENTS), default="standard", show_default=True)
@click.option(
    "--sequence", "length", type=click.IntRange(1), default=1, show_default=True,
    help="Images in a row that are matched together, by all methods.",
)  # fmt: skip
@click.option(
    "--ahead", is_flag=True,
    help="Sequences as in the paper: of the queries to come, which no robot knows.",
)  # fmt: skip
@click.option(
    "--device", default=CORES, show_default=True,
    help="Where the spiking mode runs: compiled on all cores, or a device of torch (cuda, cpu).",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--descriptors", "described", type=click.Path(path_type=Path), nargs=2,
    help="Files of descriptors of reference and query (.npy, .npz, .csv, .safetensors), such as "
    "NetVLAD's.",
)  # fmt: skip
@click.option(
    "--matrix", "given", type=click.Path(path_type=Path),
    help="A similarity matrix (queries, places) of another program, .npy.",
)  # fmt: skip
@click.option("--distance", is_flag=True, help="The matrix holds distances.")
@click.option(
    "--vprtempo", "peer", is_flag=True, help="Train and measure VPRTempo's own package, too."
)
@click.option(
    "--figures", "folder", type=click.Path(path_type=Path, file_okay=False),
    help="Folder for figures: similarities, precision over recall, recall over N.",
)  # fmt: skip
@json_option
def evaluate(
    model: Path,
    reference: Path | None,
    query: Path,
    images: Path | None,
    topic: str | None,
    pose_topic: str | None,
    first: int | None,
    unmatched: bool,
    within: float | None,
    tolerance: int,
    mode: str,
    regularisation: str,
    assignment: str,
    length: int,
    ahead: bool,
    device: str,
    seed: int,
    described: tuple[Path, Path] | None,
    given: Path | None,
    distance: bool,
    peer: bool,
    folder: Path | None,
    json: str | None,
) -> None:
    """Recognise places in a traverse, beside what needs no training and other programs' results."""
    ensemble = Ensemble.read(model)
    if peer and reference is None:
        raise ConfigurationError(
            "VPRTempo needs the images that the model was trained on: give --reference"
        )
    opened = None if reference is None else open_traverse(reference, images=images, keep=shrink)
    known = _known(ensemble, model, opened)
    traverse = shortened(
        open_traverse(query, images=images, topic=topic, pose_topic=pose_topic, keep=shrink), first
    )
    truth = _truth(model, known, traverse, unmatched, within)
    small, shown = np.stack(known.images), np.stack(traverse.images)
    count, queries = len(known), len(traverse)
    others: dict[str, Callable[[], Similarity]] = {"SAD": lambda: sad_similarity(small, shown)}
    if described is not None:
        others["descriptors"] = lambda: descriptors(*described, count, queries)
    if given is not None:
        others[given.stem] = lambda: matrix(given, queries, count, distance)
    # What other programs wrote is read first: a mistake there should not cost the rest.
    matrices = {name: matched(make(), length, ahead) for name, make in others.items()}
    recogniser = Recogniser(
        ensemble,
        mode=mode,
        regularisation=regularisation,
        assignment=assignment,
        sequence=length,
        seed=seed,
        device=device,
    )
    ours, result = measure(recogniser, shown, truth, length, tolerance, ahead)
    matrices = {f"ours, {mode}": ours, **matrices}
    result |= {"mode": mode, "sequence": length, "model_mb": model.stat().st_size / 1e6}
    if peer:
        run = vprtempo(
            [originals(known)], originals(traverse), seed=seed, size=small.shape[1:], patch=PATCH
        )
        matrices["VPRTempo"] = matched(run.similarity, length, ahead)
        result |= {
            "vprtempo_train_s": run.train_s,
            "vprtempo_queries_per_s": run.forward_per_s,
        }
    truth = judged(truth, count, length, ahead)
    found = {name: merits(each, truth, tolerance) for name, each in matrices.items()}
    result["sad_r1"] = found["SAD"].recall[1]
    result["methods"] = {
        name: {
            **{f"r{n}": value for n, value in each.recall.items()},
            "auc": each.auc,
            "recall_at_full_precision": each.full_precision,
        }
        for name, each in found.items()
    }
    if folder is not None:
        _draw(matrices, found, truth, tolerance, folder)
    if json is not None:
        write_json(result, json)
    if json != "-":
        _tell(found, result)


def _draw(
    matrices: dict[str, Similarity],
    found: dict[str, Merits],
    truth: Truth,
    tolerance: int,
    folder: Path,
) -> None:
    figures.similarities(matrices, truth, folder / "similarities.png")
    curves = {name: precision_recall(each, truth, tolerance) for name, each in matrices.items()}
    figures.precision_recall_curves(curves, folder / "precision_recall.png")
    figures.recall_curves(
        {name: each.recall for name, each in found.items()}, folder / "recall.png"
    )


def _tell(found: dict[str, Merits], result: dict[str, Any]) -> None:
    table = Table(title=f"{result['n']} queries, {result['places']} places")
    table.add_column("%")
    for name in found:
        table.add_column(name, justify="right")
    rows = {f"R@{n}": [each.recall[n] for each in found.values()] for n in NS}
    rows["area under curve"] = [each.auc for each in found.values()]
    rows["recall at 100 % precision"] = [each.full_precision for each in found.values()]
    for label, values in rows.items():
        table.add_row(label, *(f"{100 * value:.1f}" for value in values))
    print_table(table)
    costs = Table("figure", "ours")
    for label, name in (
        ("queries a second", "queries_per_s"),
        ("places never visited accepted (%)", "false_accepts"),
        ("visited places accepted (%)", "true_accepts"),
        ("spikes a query", "spikes_per_query"),
        ("synaptic operations a query", "synops_per_query"),
        ("training, all cores together (s)", "train_s"),
        ("neurons", "neurons"),
        ("model (MB)", "model_mb"),
        ("memory at most (MB)", "memory_mb"),
    ):
        scale = 100 if "(%)" in label else 1
        costs.add_row(label, f"{scale * result[name]:,.4g}")
    print_table(costs)
