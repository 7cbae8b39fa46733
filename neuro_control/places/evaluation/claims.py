# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the paper on ensembles of spiking networks claims, and the rules by which it is judged."""

from __future__ import annotations

from collections.abc import Sequence

from neuro_control.cli.claims import Claim, Finding, Results, Row, graded, numbers, part_of
from neuro_control.errors import ConfigurationError

_PAPER = "Ensembles of compact spiking networks for place recognition (arXiv 2209.08723)"
_DATA = "--reference SUMMER --query WINTER"
_SIZES, _ABLATION, _SINGLE = "places/sizes.csv", "places/ablation.csv", "places/single.csv"
_MODES = ("fast", "spiking")
_PAPERS_EXPERT = "patch normalisation (the paper's)"
# A recall within this part of another is kept, and within this part nearly so; a recall within
# this difference of a baseline's competes with it.
_KEPT, _NEARLY, _COMPETES = 0.95, 0.75, 0.02


def _recall(rows: Sequence[Row], **where: str) -> float:
    return float(numbers(rows, "r1", **where)[0])


def _scales(results: Results) -> Finding:
    rows = [row for row in results.rows(_SIZES) if row["method"] == "spiking"]
    fewest, most = (f(rows, key=lambda row: int(row["places"])) for f in (min, max))
    small, large = float(fewest["r1"]), float(most["r1"])
    n, m = int(fewest["places"]), int(most["places"])
    return Finding(
        f"R@1, spiking: {part_of(large * m, m, 'places')}",
        f"the same with fewer places: {part_of(small * n, n, 'places')}",
        graded(large >= _KEPT * small, large >= _NEARLY * small),
    )


def _competes(mode: str) -> Claim:
    """The claim that an ensemble competes with conventional methods, for one mode."""

    def judge(results: Results) -> Finding:
        rows = results.rows(_SIZES)
        most = max((row["places"] for row in rows), key=int)
        own = [row for row in rows if row["places"] == most]
        others = [row for row in own if row["method"] not in _MODES]
        if not any("template" in row["method"] for row in others):
            raise ConfigurationError(
                f"{_SIZES} has no template, which is the strongest baseline: do `sizes` again"
            )
        best = max(others, key=lambda row: float(row["r1"]))
        ours, theirs, n = _recall(own, method=mode), float(best["r1"]), int(most)
        return Finding(
            f"R@1: {part_of(ours * n, n, 'places')}",
            f"{best['method']}: {part_of(theirs * n, n, 'places')}",
            graded(ours > theirs, ours >= theirs - _COMPETES),
        )

    return Claim(
        _PAPER,
        f"competitive with conventional methods ({mode} mode)",
        "competitive with NetVLAD, DenseVLAD and SAD",
        "holds if its recall is above that of the strongest of SAD, templates of the same retina "
        f"and VPRTempo, in part if it is within {_COMPETES:g} of it.",
        f"neuro-control experiment places sizes {_DATA}",
        (_SIZES,),
        judge,
    )


def _regularised(results: Results) -> Finding:
    rows = results.rows(_ABLATION)
    gains, figures = [], []
    for design in (_PAPERS_EXPERT, "retina"):
        cell = {"design": design, "assignment": "standard", "mode": "spiking"}
        without, silenced = (
            _recall(rows, regularisation=kind, **cell) for kind in ("none", "silence")
        )
        gains.append(silenced - without)
        figures.append(f"{design}: {without:.2f} to {silenced:.2f}")
    return Finding(
        f"R@1, spiking, by silencing: {'; '.join(figures)}; one training each",
        "",
        graded(min(gains) > 0, gains[0] > 0),
    )


def _modular(results: Results) -> Finding:
    rows = [r for r in results.rows(_SINGLE) if r["mode"] == "spiking"]
    figures, wins, all_wins = [], [], []
    for places in dict.fromkeys(row["places"] for row in rows):
        own = [r for r in rows if r["places"] == places and r["regularisation"] == "none"]
        recalls = {row["network"]: float(row["r1"]) for row in own}
        ensemble = next(name for name in recalls if name.startswith("ensemble"))
        singles = {name: recall for name, recall in recalls.items() if name != ensemble}
        figures.append(
            f"{places} places: {recalls[ensemble]:.2f} against "
            + ", ".join(f"{recall:.2f} ({name})" for name, recall in singles.items())
        )
        wins.append(recalls[ensemble] > min(singles.values()))
        all_wins.append(recalls[ensemble] > max(singles.values()))
    return Finding(
        f"R@1, spiking, without regularisation: {'; '.join(figures)}; one training each",
        "single networks of an expert's size, and of the whole ensemble's",
        graded(all(all_wins), all(wins)),
    )


CLAIMS = (
    Claim(
        _PAPER,
        "an ensemble scales: it keeps its performance on 27 times as many places",
        "maintained",
        f"holds if the recall of the most places is {_KEPT:g} of that of the fewest, in part if "
        f"{_NEARLY:g}.",
        f"neuro-control experiment places sizes {_DATA}",
        (_SIZES,),
        _scales,
    ),
    *(_competes(mode) for mode in _MODES),
    Claim(
        _PAPER,
        "silencing hyperactive neurons improves recognition",
        "a substantial gain",
        "holds if it does with the paper's preprocessing and with the retina, in part if with the "
        "paper's alone.",
        f"neuro-control experiment places ablation {_DATA} --first 500",
        (_ABLATION,),
        _regularised,
    ),
    Claim(
        _PAPER,
        "many small networks recognise more than a single one",
        "substantially more, on the small data set",
        "holds if an ensemble without regularisation is above single networks of an expert's and "
        "of the ensemble's size, in part if above the smaller.",
        f"neuro-control experiment places single {_DATA}",
        (_SINGLE,),
        _modular,
    ),
)
