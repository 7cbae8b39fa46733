"""The paper's claims about places, and ours, each tried by one command: CSV and figure."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from neuro_control.cli.output import print_table, remarks, write_rows
from neuro_control.cli.plotting import figure
from neuro_control.errors import ConfigurationError
from neuro_control.learning.executors import workers
from neuro_control.places.control.ensemble import Design, Ensemble
from neuro_control.places.control.images import PATCH, shrink
from neuro_control.places.control.recogniser import MODES, Recogniser
from neuro_control.places.control.sequences import sequence
from neuro_control.places.evaluation.evaluate import (
    acceptance,
    measure,
    merits,
    originals,
    peak_memory,
    sad_similarity,
)
from neuro_control.places.evaluation.vprtempo import vprtempo
from neuro_control.places.training.dataset import Traverse, open_traverse, pair
from neuro_control.places.training.train import shortened, train

Row = dict[str, Any]
Truth = NDArray[np.int64]

# Sizes of the route in the table of results; all of it comes last.
_SIZES = (100, 500, 1000)
_SEQUENCE = 10
# Images after each start, and places from one start to the next.
_STARTED, _APART = 10, 4


@dataclasses.dataclass(frozen=True)
class Setting:
    """How an experiment is done.

    Attributes:
        reference: Traverse that is learnt, of small images.
        query: Traverse that is recognised, of the same places in the same order.
        out: Folder of CSV files, figures and models.
        executor: Trains experts.
    """

    reference: Traverse
    query: Traverse
    out: Path
    executor: Executor

    def of(self, first: int, count: int) -> Setting:
        """The same of a part of the route."""

        def part(traverse: Traverse) -> Traverse:
            whole = shortened(traverse, first + count)
            return dataclasses.replace(
                whole, names=whole.names[first:], images=whole.images[first:]
            )

        return dataclasses.replace(self, reference=part(self.reference), query=part(self.query))

    @property
    def shown(self) -> NDArray[np.uint8]:
        """Images of the query, (n, side, side)."""
        return np.stack(self.query.images)

    @property
    def truth(self) -> Truth:
        """Place of each query."""
        return np.arange(len(self.query))

    def ensemble(self, design: Design) -> Ensemble:
        """Trained on the reference; one that was trained before is read."""
        images = np.stack(self.reference.images)
        text = json.dumps(dataclasses.asdict(design)).encode() + images.tobytes()
        path = self.out / "models" / f"{hashlib.sha256(text).hexdigest()[:16]}.safetensors"
        if path.exists():
            return Ensemble.read(path)
        what = f"training {len(self.reference)} places"
        with Progress(
            TextColumn(what),
            BarColumn(),
            MofNCompleteColumn(),
            console=remarks,
            transient=True,
            disable=not remarks.is_terminal,
        ) as bar:
            task = bar.add_task("", total=None)
            progress = path.with_suffix(".progress")
            found = train(
                *([self.reference], design, self.executor, progress, None),
                lambda done, experts: bar.update(task, completed=done, total=experts),
            )
        found.write(path)
        for each in progress.iterdir():
            each.unlink()
        progress.rmdir()
        return found


def _measured(setting: Setting, recogniser: Recogniser) -> tuple[Row, NDArray[np.floating[Any]]]:
    similarity, found = measure(recogniser, setting.shown, setting.truth)
    in_sequence = merits(sequence(similarity, _SEQUENCE), setting.truth)
    kept = {name: found[name] for name in ("r1", "r5", "r25", "auc", "recall_at_full_precision")}
    return {
        **kept,
        "r1_sequence": in_sequence.recall[1],
        "queries_per_s": found["queries_per_s"],
        "spikes_per_query": found["spikes_per_query"],
        "synops_per_query": found["synops_per_query"],
    }, similarity


def _baseline(setting: Setting, similarity: NDArray[np.floating[Any]], rate: float) -> Row:
    found = merits(similarity, setting.truth)
    in_sequence = merits(sequence(similarity, _SEQUENCE), setting.truth)
    return {
        "r1": found.recall[1],
        "r5": found.recall[5],
        "r25": found.recall[25],
        "auc": found.auc,
        "recall_at_full_precision": found.full_precision,
        "r1_sequence": in_sequence.recall[1],
        "queries_per_s": rate,
        "spikes_per_query": 0.0,
        "synops_per_query": 0.0,
    }


def sizes(setting: Setting) -> list[Row]:
    """Recall, speed and memory as places grow, beside SAD and, where it is installed, VPRTempo."""
    rows: list[Row] = []
    total = len(setting.reference)
    for count in (*(size for size in _SIZES if size < total), total):
        part = setting.of(0, count)
        ensemble = part.ensemble(Design())
        reference = np.stack(part.reference.images)
        for mode in MODES:
            found, _ = _measured(part, Recogniser(ensemble, mode=mode))
            rows.append(
                {
                    "places": count,
                    "method": mode,
                    **found,
                    "train_s": ensemble.train_s,
                    "memory_mb": peak_memory(),
                }
            )
        found = _baseline(part, sad_similarity(reference, part.shown), float("nan"))
        rows.append({"places": count, "method": "SAD", **found, "train_s": 0.0, "memory_mb": 0.0})
        try:
            peer = vprtempo(
                [originals(part.reference)],
                originals(part.query),
                seed=0,
                size=reference.shape[1:],
                patch=PATCH,
            )
        except ConfigurationError as error:
            remarks.print(f"without VPRTempo: {error}", markup=False)
            continue
        found = _baseline(part, peer.similarity, peer.forward_per_s)
        rows.append(
            {
                "places": count,
                "method": "VPRTempo",
                **found,
                "train_s": peer.train_s,
                "memory_mb": peak_memory(),
            }
        )
    _draw_sizes(rows, setting.out / "sizes.png")
    return rows


def _draw_sizes(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    with figure(path, 12, 3.8) as drawn:
        axes = drawn.subplots(1, 3)
        panels = (("r1", "R@1"), ("queries_per_s", "queries a second"), ("train_s", "training (s)"))
        for panel, (name, label) in zip(axes, panels, strict=True):
            for method in dict.fromkeys(row["method"] for row in rows):
                own = [row for row in rows if row["method"] == method]
                x, y = [row["places"] for row in own], [float(row[name]) for row in own]
                if name == "r1":
                    panel.plot(x, y, "o-", label=method)
                elif np.isfinite(y).all() and min(y) > 0 and len(own) > 1:
                    slope = np.polyfit(np.log(x), np.log(y), 1)[0]
                    panel.loglog(x, y, "o-", label=f"{method}, places^{slope:.2f}")
            panel.set(xlabel="places", ylabel=label)
            panel.grid(alpha=0.3)
            panel.legend(fontsize=8)
        axes[0].set_ylim(0, 1)


def ablation(setting: Setting) -> list[Row]:
    """What each part does, in both modes: eye, regularisation, assignment, networks, regions."""
    whole = Design()
    patch = dataclasses.replace(whole, eye="patch")
    designs = {
        "patch normalisation (the paper's)": patch,
        "retina": whole,
        "retina, contrast of the whole image": dataclasses.replace(whole, surround=0.0),
        "retina, no lateral inhibition": dataclasses.replace(whole, shrinkage=1e6),
        "retina, no adaptation": dataclasses.replace(whole, adaptation=1e9),
        "retina, a third of the epochs": dataclasses.replace(whole, epochs=20),
        "retina, random regions": dataclasses.replace(whole, regions="random"),
        "retina, three networks": dataclasses.replace(whole, networks=3),
    }
    variants: dict[str, list[dict[str, Any]]] = {
        "patch normalisation (the paper's)": [
            {"regularisation": "none"},
            {"regularisation": "silence"},
            {"regularisation": "homeostasis"},
        ],
        "retina": [
            {"regularisation": "none"},
            {"regularisation": "silence"},
            {"regularisation": "homeostasis"},
            {"regularisation": "homeostasis", "assignment": "weighted"},
        ],
    }
    rows: list[Row] = []
    found = _baseline(
        setting,
        sad_similarity(np.stack(setting.reference.images), setting.shown),
        float("nan"),
    )
    rows.append({"design": "SAD", "regularisation": "", "assignment": "", "mode": "", **found})
    for name, design in designs.items():
        ensemble = setting.ensemble(design)
        for variant in variants.get(name, [{"regularisation": "homeostasis"}]):
            for mode in MODES:
                found, _ = _measured(setting, Recogniser(ensemble, mode=mode, **variant))
                rows.append(
                    {
                        "design": name,
                        "regularisation": variant["regularisation"],
                        "assignment": variant.get("assignment", "standard"),
                        "mode": mode,
                        **found,
                    }
                )
    _draw_ablation(rows, setting.out / "ablation.png")
    return rows


def _draw_ablation(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    labels = list(dict.fromkeys((r["design"], r["regularisation"], r["assignment"]) for r in rows))
    with figure(path, 9, 0.4 * len(labels) + 1.2) as drawn:
        panel = drawn.subplots()
        for shift, (mode, colour) in enumerate((("fast", "C0"), ("spiking", "C1"), ("", "0.5"))):
            for y, label in enumerate(labels):
                for row in rows:
                    key = (row["design"], row["regularisation"], row["assignment"])
                    if key == label and row["mode"] == mode:
                        at = y + (0.4 * shift - 0.2 if mode else 0.0)
                        panel.barh(at, row["r1"], 0.38, color=colour)
        panel.axvline(rows[0]["r1"], color="0.5", lw=1, ls="--")
        panel.set_yticks(range(len(labels)))
        panel.set_yticklabels([", ".join(filter(None, label)) for label in labels], fontsize=8)
        panel.invert_yaxis()
        for name, colour in (("fast", "C0"), ("spiking", "C1"), ("SAD", "0.5")):
            panel.barh(0, 0, color=colour, label=name)
        panel.legend(fontsize=8)
        panel.set(xlabel="R@1", xlim=(0, 1))


def single(setting: Setting) -> list[Row]:
    """One network for all places, of an expert's size and of the ensemble's, against the ensemble.

    For 50 and 100 places: a single network's training grows with the square of the places.
    """
    rows: list[Row] = []
    for count in (50, 100):
        part = setting.of(0, count)
        experts = -(-count // Design().places)
        designs = {
            f"ensemble of {experts} x 400": Design(),
            "single, 400 neurons": Design(places=count),
            f"single, {400 * experts} neurons": Design(places=count, neurons=400 * experts),
        }
        for name, design in designs.items():
            ensemble = part.ensemble(design)
            for regularisation in ("none", "silence", "homeostasis"):
                for mode in MODES:
                    recogniser = Recogniser(ensemble, mode=mode, regularisation=regularisation)
                    found, _ = _measured(part, recogniser)
                    rows.append(
                        {
                            "places": count,
                            "network": name,
                            "regularisation": regularisation,
                            "mode": mode,
                            **found,
                            "train_s": ensemble.train_s,
                        }
                    )
    return rows


def seasons(setting: Setting) -> list[Row]:
    """Learnt in one season, asked in the same and in the other, both ways; how modes agree."""
    swapped = dataclasses.replace(setting, reference=setting.query, query=setting.reference)
    rows: list[Row] = []
    for learnt in (setting, swapped):
        ensemble = learnt.ensemble(Design())
        for asked in (learnt, dataclasses.replace(learnt, query=learnt.reference)):
            reference = np.stack(asked.reference.images)
            matrices = {"SAD": sad_similarity(reference, asked.shown)}
            for mode in MODES:
                _, matrices[mode] = _measured(asked, Recogniser(ensemble, mode=mode))
            best = {name: each.argmax(axis=1) for name, each in matrices.items()}
            rows.append(
                {
                    "reference": Path(asked.reference.source).name,
                    "query": Path(asked.query.source).name,
                    **{
                        f"{name}_r1": merits(each, asked.truth).recall[1]
                        for name, each in matrices.items()
                    },
                    "modes_agree": float((best["fast"] == best["spiking"]).mean()),
                }
            )
    return rows


def start(setting: Setting) -> list[Row]:
    """Recall of the first images after a start anywhere, before light and season are known."""
    ensemble = setting.ensemble(Design())
    baseline = sad_similarity(np.stack(setting.reference.images), setting.shown)
    recognisers = {mode: Recogniser(ensemble, mode=mode) for mode in MODES}
    starts = range(0, len(baseline) - _STARTED + 1, _APART)
    rows: list[Row] = []
    for method in (*MODES, "SAD"):
        right = np.zeros((2, _STARTED))
        for first in starts:
            there = slice(first, first + _STARTED)
            if method == "SAD":
                scores = baseline[there]
            else:
                recognisers[method].reset()
                scores = recognisers[method].scores(setting.shown[there])
            truth = np.arange(first, first + _STARTED)
            for row, found in zip(right, (scores, sequence(scores, _SEQUENCE)), strict=True):
                row += found.argmax(axis=1) == truth
        for image, (alone, matched) in enumerate(right.T / len(starts), start=1):
            rows.append({"method": method, "image": image, "r1": alone, "r1_sequence": matched})
    return rows


def growth(setting: Setting) -> list[Row]:
    """Half of the route is learnt, then the other half is added; places never visited are told.

    Before the second half is added its queries are of places never visited: how many of them are
    accepted is the rate that the threshold promised for the reference's own images.
    """
    half = len(setting.reference) // 2
    parts = [setting.of(0, half), setting.of(half, half)]
    first = parts[0].ensemble(Design())
    grown = train([parts[1].reference], Design(), setting.executor, None, first)
    rows: list[Row] = []
    for name, ensemble in (("first half learnt", first), ("second half added", grown)):
        for mode in MODES:
            for length in (1, _SEQUENCE):
                recogniser = Recogniser(ensemble, mode=mode, sequence=length)
                found: Row = {"state": name, "mode": mode, "sequence": length}
                for which, part in zip(("first", "second"), parts, strict=True):
                    recogniser.reset()
                    similarity = sequence(recogniser.scores(part.shown), length)
                    truth = part.truth + (0 if which == "first" else half)
                    if which == "second" and ensemble is first:
                        truth = np.full(len(truth), -1)
                    thresholds = recogniser.thresholds(similarity)
                    never, visited = acceptance(similarity, truth, thresholds)
                    known = (truth >= 0).any()
                    found |= {
                        f"{which}_r1": merits(similarity, truth).recall[1] if known else np.nan,
                        f"{which}_accepted": visited if known else never,
                    }
                rows.append(found)
    return rows


EXPERIMENTS: dict[str, Callable[[Setting], list[Row]]] = {
    "sizes": sizes,
    "ablation": ablation,
    "single": single,
    "seasons": seasons,
    "growth": growth,
    "start": start,
}


@click.command()
@click.argument("name", type=click.Choice(list(EXPERIMENTS)))
@click.option(
    "--reference", type=click.Path(path_type=Path), required=True,
    help="Traverse that is learnt.",
)  # fmt: skip
@click.option(
    "--query", type=click.Path(path_type=Path), required=True,
    help="Traverse of the same places that is recognised.",
)  # fmt: skip
@click.option("--first", type=click.IntRange(2), help="Take so many places from the beginning.")
@click.option(
    "--jobs", type=click.IntRange(1, 1000), default=len(os.sched_getaffinity(0)),
    show_default="one a core", help="Experts trained at the same time.",
)  # fmt: skip
@click.option("--cluster", help="Address of a dask scheduler whose workers train instead.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("out/places"),
    show_default=True, help="Folder of CSV files, figures and models.",
)  # fmt: skip
def experiment(
    name: str,
    reference: Path,
    query: Path,
    first: int | None,
    jobs: int,
    cluster: str | None,
    out: Path,
) -> None:
    """Try a claim about places; what was trained before is read, what was cut off goes on."""
    learnt, asked = (open_traverse(path, keep=shrink) for path in (reference, query))
    pair(learnt, asked)
    learnt, asked = shortened(learnt, first), shortened(asked, first)
    if learnt.names != asked.names:
        raise ConfigurationError(
            f"{reference} and {query} show the same places in different orders, or one of them has "
            "images that can't be used: experiments need both alike"
        )
    (out / "models").mkdir(parents=True, exist_ok=True)
    with workers(jobs, cluster) as executor:
        rows = EXPERIMENTS[name](Setting(learnt, asked, out, executor))
    write_rows(out / f"{name}.csv", rows)
    table = Table(*rows[0], title=name)
    for row in rows:
        table.add_row(*(f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()))
    print_table(table)
    remarks.print(f"written: {', '.join(sorted(str(p) for p in out.glob(f'{name}.*')))}")
