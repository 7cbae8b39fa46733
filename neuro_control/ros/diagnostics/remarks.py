# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which of a node's remarks are logged: once a kind, so many a second, in bounded memory."""

from __future__ import annotations

import math
import re
import time
from collections import OrderedDict, defaultdict

from neuro_control.ros.budget import Budget

# Wall time within which a remark of the same kind is logged once, s: a state that comes and goes
# may do so at any rate.
_REPEAT = 1.0
# Kinds that are remembered, the latest; a node has a dozen or two.
_KINDS = 64
# Lines a second in the long run and at once, for each level: an error is logged however many
# warnings there are.
_LINES, _LINES_AT_ONCE = 2.0, 20.0
# A number, but not one that is part of a name, as in joint_3.
_NUMBER = re.compile(r"(?<!\w)[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def kind_of(text: str) -> str:
    """``text`` without the numbers in it, which is what remarks of one kind have in common."""
    return _NUMBER.sub("#", text)


class Remarks:
    """Decides which remarks are logged.

    Attributes:
        suppressed: How many were not.
    """

    def __init__(self) -> None:
        self.suppressed = 0
        self._logged: OrderedDict[tuple[bytes, str], float] = OrderedDict()
        self._budgets: defaultdict[bytes, Budget] = defaultdict(
            lambda: Budget(_LINES, _LINES_AT_ONCE)
        )

    def due(self, level: bytes, kind: str) -> bool:
        """Whether a remark of this level of ``DiagnosticStatus`` and this kind is logged now."""
        now = time.monotonic()
        budget = self._budgets[level]
        if now - self._logged.get((level, kind), -math.inf) < _REPEAT or budget.wait() > 0.0:
            self.suppressed += 1
            return False
        budget.spend(1.0)
        self._logged[level, kind] = now
        self._logged.move_to_end((level, kind))
        while len(self._logged) > _KINDS:
            self._logged.popitem(last=False)
        return True
