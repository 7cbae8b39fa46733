# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command that evaluates an ensemble, with baselines on the same images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.table import Table

from neuro_control.cli.evaluation import interval
from neuro_control.cli.options import effect_option, json_option, seed_option
from neuro_control.cli.output import print_table, write_json
from neuro_control.errors import ConfigurationError
from neuro_control.places.control.ensemble import ASSIGNMENTS, Ensemble
from neuro_control.places.control.images import shrink
from neuro_control.places.control.preprocessing import PATCH
from neuro_control.places.control.recogniser import Recogniser
from neuro_control.places.control.recogniser_settings import (
    MODES,
    MOST_SUPPRESSED,
    REGULARISATIONS,
    RecogniserSettings,
)
from neuro_control.places.control.sequences import MATCHINGS
from neuro_control.places.control.trajectories import DIRECTIONS
from neuro_control.places.control.types import Similarity
from neuro_control.places.evaluation import figures
from neuro_control.places.evaluation.baselines import baselines_of, descriptors, matrix
from neuro_control.places.evaluation.metrics import (
    NS,
    Truth,
    precision_recall,
    right_at_once,
)
from neuro_control.places.evaluation.scoring import (
    Metrics,
    Sequences,
    drawn,
    measure,
    metrics_of,
)
from neuro_control.places.evaluation.vprtempo import originals, vprtempo
from neuro_control.places.training.dataset import Traverse, open_traverse, pair, pair_by_pose
from neuro_control.places.training.options import traverse_options
from neuro_control.simulation.effects import Effect
from neuro_control.simulation.signals import ImageEffects

_DEFAULT = RecogniserSettings()


# Fields of the result, and the baselines whose R@1 they are.
_BASELINES = {
    "sad_r1": "SAD",
    "sad_adapted_r1": "SAD, adapted",
    "sad_retina_r1": "SAD of the preprocessing",
    "template_r1": "template",
    "template_adapted_r1": "template, adapted",
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
    """The ensemble's places, with the images of the given reference."""
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
    given = reference.beginning(len(own))
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
    help="Traverse on which the model was trained, which is checked; by default the baselines use "
    "the images in the model.",
)  # fmt: skip
@click.option(
    "--query", type=click.Path(path_type=Path), required=True,
    help="Folder, list or bag of images whose places are to be recognised.",
)  # fmt: skip
@traverse_options
@click.option("--first", type=click.IntRange(1), help="Use so many queries from the beginning.")
@click.option("--unmatched", is_flag=True, help="Allow queries of places never visited.")
@click.option(
    "--within", type=click.FloatRange(min=0.0, min_open=True),
    help="Pair by poses: the nearest place within so many metres is right.",
)  # fmt: skip
@click.option(
    "--tolerance", type=click.IntRange(0), default=0, show_default=True,
    help="Number of places to either side that are right, too.",
)  # fmt: skip
@click.option(
    "--mode", type=click.Choice(MODES), default=_DEFAULT.mode, show_default=True,
    help="Score by expected responses (fast) or by spikes.",
)  # fmt: skip
@click.option(
    "--regularisation", type=click.Choice(REGULARISATIONS), default=_DEFAULT.regularisation,
    show_default=True,
    help="What keeps neurons that respond to everything from winning.",
)  # fmt: skip
@click.option(
    "--assignment", type=click.Choice(ASSIGNMENTS), default=_DEFAULT.assignment, show_default=True,
    help="How neurons vote for places.",
)  # fmt: skip
@click.option(
    "--sequence", "length", type=click.IntRange(1), default=_DEFAULT.sequence, show_default=True,
    help="Number of images in a row that all methods match together.",
)  # fmt: skip
@click.option(
    "--matching", type=click.Choice(MATCHINGS), default=_DEFAULT.matching, show_default=True,
    help="Match sequences along trajectories of any pace, by delays for several constant paces, or "
    "at the reference's own pace.",
)  # fmt: skip
@click.option(
    "--direction", type=click.Choice(DIRECTIONS),
    help="Order in which the camera passes the places; by default forward, and reverse if the pace "
    "is negative.",
)  # fmt: skip
@click.option(
    "--pace", type=float, default=1.0, show_default=True,
    help="Draw the queries as if the camera went so many times as fast as the reference did; "
    "negative: in reverse.",
)  # fmt: skip
@click.option(
    "--adaptation", "kept", type=click.Path(path_type=Path, dir_okay=False),
    help="File of what the recogniser has adapted to: it starts from it, if there is one, and "
    "leaves it as it is after the last query.",
)  # fmt: skip
@click.option(
    "--alignment/--no-alignment", default=_DEFAULT.alignment, show_default=True,
    help="Learn displacements of the camera from recognised images.",
)  # fmt: skip
@click.option(
    "--suppression", type=click.IntRange(0, MOST_SUPPRESSED), default=_DEFAULT.suppression,
    show_default=True,
    help="Number of neurons that learn from recognised images what changes, and suppress it.",
)  # fmt: skip
@click.option(
    "--ahead", is_flag=True,
    help="Match sequences as in the paper: with the queries to come, which no robot knows.",
)  # fmt: skip
@click.option(
    "--device", default=_DEFAULT.device, show_default=True,
    help="Where the spiking mode runs: on all cores, or on a device of torch (cuda, cpu).",
)  # fmt: skip
@seed_option
@click.option(
    "--descriptors", "described", type=click.Path(path_type=Path), nargs=2,
    help="Files of descriptors of reference and query (.npy, .npz, .csv, .safetensors), such as "
    "NetVLAD's.",
)  # fmt: skip
@click.option(
    "--matrix", "given", type=click.Path(path_type=Path),
    help="File of another program's similarity matrix (queries, places), .npy.",
)  # fmt: skip
@click.option("--distance", is_flag=True, help="The matrix holds distances.")
@click.option(
    "--vprtempo", "compare", is_flag=True, help="Train and score VPRTempo's own package, too."
)
@click.option(
    "--figures", "folder", type=click.Path(path_type=Path, file_okay=False),
    help="Folder for figures: similarities, precision over recall, recall over N.",
)  # fmt: skip
@effect_option
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
    matching: str,
    direction: str | None,
    pace: float,
    kept: Path | None,
    alignment: bool,
    suppression: int,
    ahead: bool,
    device: str,
    seed: int,
    described: tuple[Path, Path] | None,
    given: Path | None,
    distance: bool,
    compare: bool,
    folder: Path | None,
    effects: tuple[Effect, ...],
    json: str | None,
) -> None:
    """Recognise places in a traverse, and compare with baselines and other programs' results."""
    ensemble = Ensemble.read(model)
    if compare and reference is None:
        raise ConfigurationError(
            "VPRTempo needs the images that the model was trained on: give --reference"
        )
    opened = None if reference is None else open_traverse(reference, images=images, keep=shrink)
    known = _known(ensemble, model, opened)
    traverse = open_traverse(
        query, images=images, topic=topic, pose_topic=pose_topic, keep=shrink,
        effects=ImageEffects(effects, seed),
    ).beginning(first)  # fmt: skip
    truth = _truth(model, known, traverse, unmatched, within)
    if not pace or not np.isfinite(pace):
        raise ConfigurationError(f"a pace is a number other than 0, not {pace:g}")
    shown = np.stack(traverse.images)
    count, queries = len(known), len(traverse)
    order = drawn(queries, pace)
    truth = truth[order]
    way = direction or ("forward" if pace > 0 else "reverse")
    sequences = Sequences(length, matching, way, ahead)
    others: dict[str, Callable[[], Similarity]] = {}
    if described is not None:
        others["descriptors"] = lambda: descriptors(*described, count, queries)
    if given is not None:
        others[given.stem] = lambda: matrix(given, queries, count, distance)
    # Files of other programs are read first: a mistake in them should not cost the rest.
    matrices = {name: sequences.match(make()[order]) for name, make in others.items()}
    settings = RecogniserSettings(
        mode=mode,
        regularisation=regularisation,
        assignment=assignment,
        sequence=length,
        matching=matching,
        direction=way,
        alignment=alignment,
        suppression=suppression,
        seed=seed,
        device=device,
    )
    recogniser = Recogniser(ensemble, settings)
    if kept is not None and kept.exists():
        recogniser.restore_adaptation(kept)
    ours, result = measure(recogniser, shown[order], truth, sequences, tolerance)
    if kept is not None:
        recogniser.keep_adaptation(kept)
    baselines = baselines_of(ensemble, shown[order])
    matrices = {
        f"ours, {mode}": ours,
        **{name: sequences.match(each) for name, each in baselines.items()},
        **matrices,
    }
    result |= {
        "mode": mode,
        "sequence": length,
        "matching": matching,
        "direction": way,
        "pace": pace,
        "model_mb": model.stat().st_size / 1e6,
    }
    if compare:
        run = vprtempo(
            *([originals(known)], originals(traverse)),
            seed=seed,
            size=ensemble.reference.shape[1:],
            patch=PATCH,
        )
        matrices["VPRTempo"] = sequences.match(run.similarity[order])
        result |= {
            "vprtempo_train_s": run.train_s,
            "vprtempo_queries_per_s": run.forward_per_s,
        }
    truth = sequences.truth(truth, count)
    found = {name: metrics_of(each, truth, tolerance) for name, each in matrices.items()}
    result |= {field: found[name].recall[1] for field, name in _BASELINES.items()}
    result |= _intervals(matrices, found, truth, tolerance, seed)
    if folder is not None:
        _draw(matrices, found, truth, tolerance, folder)
    if json is not None:
        write_json(result, json)
    if json != "-":
        _print(found, result)


def _intervals(
    matrices: dict[str, Similarity],
    found: dict[str, Metrics],
    truth: Truth,
    tolerance: int,
    seed: int,
) -> dict[str, Any]:
    """Metrics by method with intervals of R@1, and what our R@1 is above the adapted template's."""
    rng = np.random.default_rng(seed)
    right = {name: right_at_once(each, truth, tolerance) for name, each in matrices.items()}
    methods = {
        name: {
            **{f"r{n}": value for n, value in each.recall.items()},
            "r1_interval": list(interval(right[name], rng)),
            "auc": each.auc,
            "recall_at_full_precision": each.full_precision,
        }
        for name, each in found.items()
    }
    ours = next(iter(right))
    gain = right[ours] - right["template, adapted"]
    return {
        "r1_interval": methods[ours]["r1_interval"],
        "gain_over_template": float(gain.mean()),
        "gain_over_template_interval": list(interval(gain, rng)),
        "methods": methods,
    }


def _draw(
    matrices: dict[str, Similarity],
    found: dict[str, Metrics],
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


def _print(found: dict[str, Metrics], result: dict[str, Any]) -> None:
    table = Table(title=f"{result['n']} queries, {result['places']} places")
    table.add_column("%")
    for name in found:
        table.add_column(name, justify="right")
    bounds = [result["methods"][name]["r1_interval"] for name in found]
    table.add_row("R@1, 95 %", *(f"{100 * low:.1f}–{100 * high:.1f}" for low, high in bounds))
    rows = {f"R@{n}": [each.recall[n] for each in found.values()] for n in NS}
    rows["area under curve"] = [each.auc for each in found.values()]
    rows["recall at 100 % precision"] = [each.full_precision for each in found.values()]
    for label, values in rows.items():
        table.add_row(label, *(f"{100 * value:.1f}" for value in values))
    print_table(table)
    costs = Table("metric", "ours")
    for label, name in (
        ("queries a second", "queries_per_s"),
        ("places never visited accepted (%)", "false_accepts"),
        ("visited places accepted (%)", "true_accepts"),
        ("spikes a query", "spikes_per_query"),
        ("synaptic operations a query", "synops_per_query"),
        ("training, processor time (s)", "train_s"),
        ("training, wall time (s)", "train_wall_s"),
        ("neurons", "neurons"),
        ("model (MB)", "model_mb"),
        ("memory at most (MB)", "memory_mb"),
    ):
        scale = 100 if "(%)" in label else 1
        costs.add_row(label, f"{scale * result[name]:,.4g}")
    print_table(costs)
