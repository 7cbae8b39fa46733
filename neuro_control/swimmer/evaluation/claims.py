# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the NCAP paper claims in its abstract, and the rules by which our results are judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuro_control.cli.claims import Claim, Finding, Results, Row, figure_of, graded, numbers
from neuro_control.swimmer.control.policy import CircuitDesign, MLPDesign

_PAPER = "NCAP, a motor circuit of C. elegans (arXiv 2201.05242)"
_MLPS = ("mlp-64", "mlp-256")
_UNTRAINED = ("MLP 64 × 64", "MLP 256 × 256", "random torques")
# Returns within this part of the baseline's are comparable, and within this part nearly so.
_COMPARABLE, _NEARLY = 0.95, 0.85
# By how much learning is far more efficient, and parameters are orders of magnitude fewer.
_FAR, _ORDERS = 10.0, 100.0


def _initial(results: Results) -> Finding:
    rows = results.rows("swimmer/initial.csv")
    ours = numbers(rows, "return", start="unit, signed")
    others = {name: numbers(rows, "return", start=name) for name in _UNTRAINED}
    best = max(others, key=lambda name: float(others[name].mean()))
    return Finding(
        figure_of(ours, "draws of four starts"),
        f"{best}: {figure_of(others[best], 'draws')}",
        graded(ours.min() > others[best].max(), ours.mean() > others[best].mean()),
    )


def _ends(rows: Sequence[Row], algorithm: str, policy: str) -> np.ndarray:
    """Return at the end of each training: the mean over the last tenth of its points."""
    own = [r for r in rows if (r["algorithm"], r["policy"]) == (algorithm, policy)]
    ends = []
    for seed in dict.fromkeys(row["seed"] for row in own):
        returns = numbers(own, "return", seed=seed)
        ends.append(returns[-max(1, len(returns) // 10) :].mean())
    return np.array(ends)


def _asymptote(results: Results) -> Finding:
    rows = results.rows("swimmer/curves.csv")
    kinds = dict.fromkeys((row["algorithm"], row["policy"]) for row in rows)
    ends = {kind: _ends(rows, *kind) for kind in kinds}
    ours = max((k for k in ends if k[1] == "ncap"), key=lambda kind: float(ends[kind].mean()))
    best = max((k for k in ends if k[1] in _MLPS), key=lambda kind: float(ends[kind].mean()))
    part = ends[ours] / ends[best].mean()
    own, rival = (_shipped(results, policy) for policy in ("ncap-trained", "mlp"))
    return Finding(
        f"{ours[1]} by {ours[0].upper()}: {figure_of(ends[ours], 'trainings')}; shipped: {own}",
        f"{best[1]} by {best[0].upper()}: {figure_of(ends[best], 'trainings')}; shipped: {rival}",
        graded(float(part.mean()) >= _COMPARABLE, float(part.mean()) >= _NEARLY),
    )


def _shipped(results: Results, policy: str) -> str:
    """Return of a policy that the package ships, over many starts."""
    rows = results.rows("swimmer/policies.csv")
    mean, low, high, starts = (
        float(numbers(rows, column, policy=policy, delay="0")[0])
        for column in ("return", "low", "high", "episodes")
    )
    return f"{mean:.0f} ({low:.0f} … {high:.0f}), {starts:.0f} starts"


def _efficiency(results: Results) -> Finding:
    rows = results.rows("swimmer/curves_summary.csv")
    ours, theirs, ratios = [], [], []
    for algorithm in ("ppo", "ddpg"):
        (steps,) = numbers(rows, "steps_to_850_median", algorithm=algorithm, policy="ncap")
        others = {
            mlp: float(numbers(rows, "steps_to_850_median", algorithm=algorithm, policy=mlp)[0])
            for mlp in _MLPS
        }
        best = min(others, key=lambda mlp: others[mlp])
        ours.append(f"{algorithm.upper()} {steps:,.0f}")
        theirs.append(f"{best} by {algorithm.upper()} {others[best]:,.0f}")
        ratios.append(others[best] / steps)
    trainings = int(numbers(rows, "seeds", algorithm="ppo", policy="ncap")[0])
    return Finding(
        f"steps to a return of 850: {', '.join(ours)}; medians of {trainings} trainings",
        ", ".join(theirs),
        graded(min(ratios) >= _FAR, min(ratios) > 1.0),
    )


def _parameters(_results: Results) -> Finding:
    ours, small, large = (
        design.size for design in (CircuitDesign(5), MLPDesign(5), MLPDesign(5, (256, 256)))
    )
    return Finding(f"{ours}", f"{small:,} and {large:,}", graded(small / ours >= _ORDERS, True))


def _bodies(results: Results) -> Finding:
    rows = results.rows("swimmer/bodies.csv")
    links = list(dict.fromkeys(row["links"] for row in rows if row["links"] != "6"))
    ours = np.concatenate([numbers(rows, "low", policy="ncap-trained", links=n) for n in links])
    theirs = np.concatenate([numbers(rows, "high", policy="mlp", links=n) for n in links])
    better = [n for n, low, high in zip(links, ours, theirs, strict=True) if low > high]
    means = {
        policy: np.concatenate([numbers(rows, "return", policy=policy, links=n) for n in links])
        for policy in ("ncap-trained", "mlp")
    }
    return Finding(
        f"{means['ncap-trained'].mean():.0f} on the other {len(links)} bodies, without training; "
        f"above the MLP's interval on {len(better)}: of {', '.join(better)} links",
        f"an MLP trained on each: {means['mlp'].mean():.0f}",
        graded(len(better) == len(links), len(better) > len(links) / 2),
    )


def _signs(results: Results) -> Finding:
    rows = results.rows("swimmer/ablations.csv")
    both = ("ars", "ppo")
    free, kept = (
        np.concatenate([numbers(rows, "return", algorithm=a, variant=variant) for a in both])
        for variant in ("unsigned random start", "random start")
    )
    return Finding(
        f"random signs: {figure_of(free, 'trainings')}",
        f"the paper's signs, as random magnitudes: {figure_of(kept, 'trainings')}",
        graded(free.max() < kept.min(), free.mean() < kept.mean() / 2),
    )


def _start(results: Results) -> Finding:
    rows = results.rows("swimmer/initial.csv")
    unit = numbers(rows, "return", start="unit, signed")
    drawn = numbers(rows, "return", start="random, signed")
    return Finding(
        f"weights of 1: {figure_of(unit, 'draws of four starts')}",
        f"random magnitudes: {figure_of(drawn, 'draws')}",
        graded(unit.min() > drawn.max(), unit.mean() > 1.5 * drawn.mean()),
    )


_CURVES = "neuro-control experiment swimmer curves"

CLAIMS = (
    Claim(
        _PAPER,
        "good initial performance",
        "none in the abstract",
        "holds if each draw of starts is above each of the strongest untrained baseline.",
        "neuro-control experiment swimmer initial",
        ("swimmer/initial.csv",),
        _initial,
    ),
    Claim(
        _PAPER,
        "asymptotic performance comparable with MLPs",
        "0.83 to 0.90 against 0.98 in the authors' videos",
        f"holds from {_COMPARABLE:g} of the best MLP's return on, in part from {_NEARLY:g} on; the "
        "circuit has the paper's four numbers, and each side its best algorithm.",
        f"{_CURVES}; neuro-control experiment swimmer policies",
        ("swimmer/curves.csv", "swimmer/policies.csv"),
        _asymptote,
    ),
    Claim(
        _PAPER,
        "far better data efficiency",
        "none in the abstract",
        f"holds if the quicker MLP needs {_FAR:g} times the steps under PPO and under DDPG.",
        _CURVES,
        ("swimmer/curves_summary.csv",),
        _efficiency,
    ),
    Claim(
        _PAPER,
        "orders of magnitude fewer parameters",
        "4 against 6,021 and 73,221 (the authors' code)",
        f"holds if the smaller MLP has {_ORDERS:g} times as many.",
        judge=_parameters,
    ),
    Claim(
        _PAPER,
        "transfer to new bodies",
        "none in the abstract",
        "holds if the circuit trained on six links is above the interval of an MLP trained on each "
        "of the other bodies; in part if on more than half of them. MLPs of eight links and more "
        "were still gaining when their training ended.",
        "neuro-control experiment swimmer bodies",
        ("swimmer/bodies.csv",),
        _bodies,
    ),
    Claim(
        _PAPER,
        "the constraint on signs is crucial for learning",
        "none in the abstract",
        "holds if no training from random signs reaches any from the paper's, in part if they end "
        "below a half of it on average (ARS and PPO).",
        "neuro-control experiment swimmer ablations --seeds 3",
        ("swimmer/ablations.csv",),
        _signs,
    ),
    Claim(
        _PAPER,
        "the initial weights matter for initial performance",
        "none in the abstract",
        "holds if each draw of starts is above each with random magnitudes, in part if 1.5 times "
        "as high on average.",
        "neuro-control experiment swimmer initial",
        ("swimmer/initial.csv",),
        _start,
    ),
)
