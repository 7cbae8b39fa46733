# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Faults of the file of weights that a node starts with."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from neuro_control.faults.fault import Fault
from neuro_control.faults.harness import Harness
from neuro_control.faults.subject import Subject
from neuro_control.resources import find_file

# Wall time within which a node has refused a file, s.
_REFUSED = 60.0


class WeightsTruncated(Fault):
    """The node starts with a file of weights that is cut off."""

    whole_node = True
    demands_safety = False
    may_end = True

    @classmethod
    def unfit_for(cls, subject: Subject) -> str:
        """Some nodes read no weights."""
        return "" if subject.weights else "it reads no weights"

    def damaged(self, good: Path, bad: Path) -> None:
        """Write the bad file."""
        data = good.read_bytes()
        bad.write_bytes(data[: int(self.rng.integers(len(data)))])

    def begin(self, harness: Harness) -> None:
        """Start the node anew with the bad file, and wait until it has refused it."""
        subject = harness.subject
        parameter = str(self.rng.choice(list(subject.weights)))
        harness.child.close()
        harness.forget()
        with tempfile.TemporaryDirectory() as folder:
            bad = Path(folder) / "weights.safetensors"
            self.damaged(find_file("config/weights", subject.weights[parameter]), bad)
            harness.child = harness.start({**subject.with_weights, parameter: str(bad)})
            harness.run(_REFUSED, lambda: not harness.child.alive or bool(harness.reports))
            self._said = harness.child.log()

    @property
    def needs_reason(self) -> bool:
        """Always: somebody has to name another file."""
        return True

    def reason(self, harness: Harness) -> bool:
        """Whether it said in a line what is wrong."""
        return "error:" in self._said or "weights.safetensors" in self._said

    def end(self, harness: Harness) -> None:
        """Somebody names the good file."""
        harness.child.close()


class WeightsForeign(WeightsTruncated):
    """The node starts with weights of another kind of network, or of none."""

    def damaged(self, good: Path, bad: Path) -> None:
        """Write the bad file."""
        others = sorted(each for each in good.parent.glob("*.safetensors") if each != good)
        others = [each for each in others if each.name.split("_")[0] != good.name.split("_")[0]]
        if others and self.rng.random() < 0.7:
            shutil.copy(others[int(self.rng.integers(len(others)))], bad)
        else:
            bad.write_bytes(self.rng.bytes(good.stat().st_size))


WEIGHT_FAULTS: dict[str, type[Fault]] = {
    "weights_truncated": WeightsTruncated,
    "weights_foreign": WeightsForeign,
}
