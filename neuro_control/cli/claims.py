# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""One page of all papers' claims: what they say, what was measured here, and whether it holds.

A robot's folder lists its claims (``Scenario.claims``); each is judged by a rule from the CSV files
that its experiment leaves. Files of the reader's own experiments come before those that the package
ships with its results pages, so that whoever does an experiment again judges by what came of it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Group
from rich.table import Table

from neuro_control import resources
from neuro_control.cli.evaluation import interval, wilson
from neuro_control.cli.options import json_option
from neuro_control.cli.output import show_result
from neuro_control.cli.scenario import discover, resolve
from neuro_control.errors import ConfigurationError
from neuro_control.files import write_text

Array = NDArray[np.float64]
Row = Mapping[str, str]

HOLDS, IN_PART, FAILS = "holds", "holds in part", "does not hold"
NOT_MEASURED = "not measured"


class Results:
    """CSV files that experiments left.

    Args:
        folders: Where to look, in this order; each has a folder for each robot.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders

    def find(self, name: str) -> Path | None:
        """File ``ROBOT/NAME.csv``, None if no experiment left it."""
        return next((f / name for f in self._folders if (f / name).is_file()), None)

    def rows(self, name: str) -> list[Row]:
        """Rows of the file ``ROBOT/NAME.csv``.

        Raises:
            ConfigurationError: There is none.
        """
        path = self.find(name)
        if path is None:
            raise ConfigurationError(f"no results {name}")
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


@dataclass(frozen=True)
class Finding:
    """What was measured of a claim.

    Attributes:
        ours: Our figure with its interval, and over how many seeds.
        baseline: The strongest baseline's, or "" where a claim is compared with none.
        verdict: ``HOLDS``, ``IN_PART`` or ``FAILS``.
    """

    ours: str
    baseline: str
    verdict: str


@dataclass(frozen=True)
class Claim:
    """One claim of a paper.

    Attributes:
        paper: Short name and number of the paper.
        says: What it claims.
        published: The paper's figure.
        rule: When the claim holds, in words; ``judge`` does what it says.
        command: Command that measures it.
        files: Results that the command leaves and ``judge`` reads, as ``ROBOT/NAME.csv``.
        judge: The finding by the results; a claim without a function can't be tested with this
            package, for the reason that ``rule`` gives.
    """

    paper: str
    says: str
    published: str
    rule: str
    command: str = ""
    files: tuple[str, ...] = ()
    judge: Callable[[Results], Finding] | None = None


def figure_of(values: Array | Sequence[float], what: str, digits: str = ".0f") -> str:
    """Mean of values with its 95 % bootstrap interval, and how many of what they are."""
    numbers = np.asarray(values, dtype=np.float64)
    low, high = interval(numbers, np.random.default_rng(0))
    text = f"{numbers.mean():{digits}} ({low:{digits}} … {high:{digits}})"
    return f"{text}, {len(numbers)} {what}"


def numbers(rows: Sequence[Row], column: str, **where: str) -> Array:
    """Column of the rows whose other columns have these values, (n,); truth values are 1 and 0.

    Raises:
        ConfigurationError: There is no such row or column.
    """
    found = [row for row in rows if all(row.get(key) == value for key, value in where.items())]
    if not found or column not in found[0]:
        wanted = ", ".join(f"{key} {value}" for key, value in where.items())
        raise ConfigurationError(f"the results have no {column} of {wanted}")
    cells = [row[column] for row in found]
    return np.array(
        [float(cell == "True" if cell in ("True", "False") else cell) for cell in cells]
    )


def part_of(successes: float, trials: int, what: str) -> str:
    """A rate with its 95 % interval (Wilson), and of how many of what."""
    low, high = wilson(round(successes), trials)
    return f"{successes / trials:.2f} ({low:.2f} … {high:.2f}), {trials:,} {what}"


def graded(holds: bool, in_part: bool) -> str:
    """Verdict of two conditions, of which the second is the weaker."""
    return HOLDS if holds else IN_PART if in_part else FAILS


def all_claims() -> list[Claim]:
    """Claims of all robots, each once, in the order of the scenarios' names."""
    named = [scenario.claims for scenario in discover().values() if scenario.claims]
    return [claim for name in dict.fromkeys(named) for claim in resolve(name)]


def judged(claim: Claim, results: Results) -> dict[str, str]:
    """One row of the page."""
    row = {"paper": claim.paper, "claim": claim.says, "published": claim.published}
    finding = Finding("", "", "not tested")
    if claim.judge is not None:
        try:
            finding = claim.judge(results)
        except ConfigurationError as error:
            finding = Finding(str(error), "", NOT_MEASURED)
    return {
        **row,
        "ours": finding.ours,
        "baseline": finding.baseline,
        "verdict": finding.verdict,
        "rule": claim.rule,
        "command": claim.command,
    }


_HEADINGS = {
    "claim": "claim", "published": "the paper's figure", "ours": "measured here",
    "baseline": "strongest baseline", "verdict": "verdict",
}  # fmt: skip

_PREFACE = """# The papers' claims

Made by `neuro-control experiment claims --markdown FILE` from the results that the commands under
each table leave. Intervals are 95 % bootstrap intervals over what is named. All of it is simulation
or recorded images: nothing was measured on the papers' robots. A claim whose command has not been
carried out says so.
"""


def _papers(rows: Sequence[Mapping[str, str]]) -> dict[str, list[Mapping[str, str]]]:
    """Rows by paper."""
    found: dict[str, list[Mapping[str, str]]] = {}
    for row in rows:
        found.setdefault(row["paper"], []).append(row)
    return found


def _tables(rows: Sequence[Mapping[str, str]]) -> Group:
    tables = []
    for paper, own in _papers(rows).items():
        table = Table(*_HEADINGS.values(), title=paper, title_justify="left", show_lines=True)
        for row in own:
            table.add_row(*(row[key] for key in _HEADINGS))
        tables.append(table)
    return Group(*tables)


def markdown(rows: Sequence[Mapping[str, str]]) -> str:
    """The page: a table for each paper, and under it how each claim is judged, by what command."""
    parts = [_PREFACE]
    for paper, own in _papers(rows).items():
        lines = [f"## {paper}", "", "| " + " | ".join(_HEADINGS.values()) + " |"]
        lines.append("| " + " | ".join("---" for _ in _HEADINGS) + " |")
        lines += ["| " + " | ".join(row[key] for key in _HEADINGS) + " |" for row in own]
        lines.append("")
        # Claims of one kind share their rule.
        kinds: dict[tuple[str, str], list[str]] = {}
        for row in own:
            kinds.setdefault((row["command"], row["rule"]), []).append(row["claim"])
        for (command, rule), says in kinds.items():
            said = f" (`{command}`)" if command else ""
            lines.append(f"- *{'; '.join(says)}*{said}: {rule}")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


@click.command()
@click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("out/experiments"),
    show_default=True,
    help="Folder in which experiments left a folder for each robot; what is not there is taken "
    "from the results that the package ships.",
)
@click.option(
    "--markdown",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for the page with the rule and the command of each claim.",
)
@json_option
def claims(results: Path, page: Path | None, json: str | None) -> None:
    """Print each paper's claims, what was measured here, and whether they hold."""
    found = Results([results, resources.share() / "docs" / "results"])
    rows = [judged(claim, found) for claim in all_claims()]
    if page is not None:
        write_text(page, markdown(rows))
    result: dict[str, Any] = {"claims": rows}
    show_result(result, json, _tables(rows))
