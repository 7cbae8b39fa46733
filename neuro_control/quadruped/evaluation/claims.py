# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Claims of the papers on spinal circuits of quadrupeds, and the rules by which they are judged."""

from __future__ import annotations

from collections.abc import Sequence

from neuro_control.cli.claims import Claim, Finding, Results, Row, graded

_DANNER = "Spinal circuits of a mouse (Danner et al., eLife 2017;6:e31050)"
_NCAP = "NCAP of a quadruped (arXiv 2410.07174)"
_COMMAND = "neuro-control experiment quadruped lesions"
_FILES = ("quadruped/lesions.csv",)


def _gaits(rows: Sequence[Row], lesion: str) -> dict[float, str]:
    """Gait by drive of a circuit."""
    return {float(row["drive"]): row["gait"] for row in rows if row["lesion"] == lesion}


def _in_turn(gaits: dict[float, str]) -> str:
    """Gaits in the order of the drive, each with the drives at which it is gone."""
    parts = []
    for name in dict.fromkeys(gaits.values()):
        drives = [drive for drive, gait in gaits.items() if gait == name]
        low, high = min(drives), max(drives)
        parts.append(f"{name} {low:g}" + (f" to {high:g}" if high > low else ""))
    return ", ".join(parts)


def _order(results: Results) -> Finding:
    gaits = _gaits(results.rows(_FILES[0]), "intact")
    found = list(dict.fromkeys(gaits.values()))
    return Finding(
        f"drives: {_in_turn(gaits)}",
        "",
        graded(
            found == ["walk", "trot", "gallop", "bound"],
            found[0] == "walk" and found[-1] == "bound",
        ),
    )


def _without(lesion: str, lost: str, left: tuple[str, ...]) -> Claim:
    """A claim that a circuit without neurons has lost a gait, and has some left."""

    def judge(results: Results) -> Finding:
        rows = results.rows(_FILES[0])
        gaits, intact = _gaits(rows, lesion), _gaits(rows, "intact")
        gone = lost not in gaits.values()
        return Finding(
            f"drives: {_in_turn(gaits)}",
            f"intact: {_in_turn(intact)}",
            graded(gone and set(gaits.values()) <= set(left), gone),
        )

    return Claim(
        _DANNER,
        f"{lesion} neurons: no {lost}, but {' or '.join(left)}",
        "gaits of mutants, which the model has as well",
        f"holds if no drive leads to a {lost} and each to one of these gaits; in part if only the "
        "first does.",
        _COMMAND,
        _FILES,
        judge,
    )


CLAIMS = (
    Claim(
        _DANNER,
        "with the drive the gait changes from walk to trot, gallop and bound",
        "these four, in this order",
        "holds if a circuit from rest has these four in this order over twelve drives.",
        _COMMAND,
        _FILES,
        _order,
    ),
    _without("no V0V", "trot", ("walk", "gallop", "bound")),
    _without("no V0", "trot", ("bound",)),
    Claim(
        _NCAP,
        "comparable asymptotic performance with better data efficiency, and a stable robot without "
        "training",
        "92 numbers against 79,372",
        "not tested: of this circuit the package has the rhythm generation, which takes the place "
        "of the gait scheduler; forces and footholds are the gait controller's, not neurons'.",
    ),
)
