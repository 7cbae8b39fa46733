# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a check finds, and how checks are run so that none keeps the others from running."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from neuro_control.errors import ConfigurationError


class Outcome(enum.Enum):
    """Of a check."""

    PASS = "pass"  # noqa: S105  # no password
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: What was checked.
        outcome: Whether it is well. A warning is what a robot can do without.
        detail: What was found, with its numbers.
        remedy: What mends it; empty where nothing has to be mended.
    """

    name: str
    outcome: Outcome
    detail: str
    remedy: str = ""


def passed(name: str, detail: str) -> Finding:
    """It is well."""
    return Finding(name, Outcome.PASS, detail)


def warned(name: str, detail: str, remedy: str) -> Finding:
    """It could be better."""
    return Finding(name, Outcome.WARN, detail, remedy)


def failed(name: str, detail: str, remedy: str) -> Finding:
    """It must be mended."""
    return Finding(name, Outcome.FAIL, detail, remedy)


# One check, or several that belong together, in the order in which they are reported.
Check = Callable[[], Finding | Iterable[Finding]]


def findings(checks: Iterable[tuple[str, Check]]) -> Iterator[Finding]:
    """Run checks one after another.

    Args:
        checks: Names and checks. One that raises has failed, and the others go on; a
            ConfigurationError says itself what would be right.
    """
    for name, check in checks:
        try:
            found = check()
            yield from [found] if isinstance(found, Finding) else found
        except ConfigurationError as error:
            yield failed(name, "it can't be used", str(error))
        except Exception as error:  # whatever a machine has in store
            text = f"{type(error).__name__}: {error}"
            yield failed(name, "the check itself failed", f"report this: {text}")
