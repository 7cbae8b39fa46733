# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What docs/safety.md states of the nodes, as temporal oracles over random sequences.

``holds`` is how a test checks a statement: by its identifier, so that a failure says what was
promised. More sequences: ``pytest tests/policies --hypothesis-profile long``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "safety.md"
_ROW = re.compile(r"^\| ([A-Z]\d+) \| (.+?) \|", re.MULTILINE)


@cache
def statements() -> dict[str, str]:
    """Statements of docs/safety.md by identifier."""
    return dict(_ROW.findall(DOCUMENT.read_text()))


def holds(statement: str, condition: object, found: object = "") -> None:
    """Fail with the text of ``statement`` and what was ``found`` unless ``condition`` is true."""
    if not condition:
        raise AssertionError(f"{statement} does not hold: {statements()[statement]}\n{found}")


def sequences(examples: int, steps: int) -> settings:
    """Settings of a state machine: ``examples`` sequences, the same each time; more in ``long``."""
    long = settings.get_current_profile_name() == "long"
    return settings(
        max_examples=settings.default.max_examples if long else examples,
        stateful_step_count=3 * steps if long else steps,
        derandomize=not long,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        # To wait for what never comes takes its time: a sequence that fails is not made shorter.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def told(step: Callable[..., None]) -> Callable[..., None]:
    """A rule of a state machine that has a ``trail``: where it fails, it says what went before.

    Hypothesis runs a sequence that failed once more and wants to see it fail the same way; a node
    that lives on has a past of its own.
    """

    @wraps(step)
    def rule(machine: Any, **drawn: Any) -> None:
        given = ", ".join(f"{name}={value!r}" for name, value in drawn.items() if name != "data")
        machine.trail.append(f"{step.__name__}({given})")
        try:
            step(machine, **drawn)
        except AssertionError as error:
            raise AssertionError(f"{error}\nafter {' '.join(machine.trail)}") from error

    return rule
