# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a soak test keeps: samples of each process, latencies as a histogram, counts.

It is bounded however long the test takes, and is written as it grows, so that an interrupted test
goes on as a further segment: other processes of the same nodes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped]

from neuro_control.errors import ConfigurationError
from neuro_control.files import write_text

# Bounds of the histogram of latencies, s: each is 2 % beyond the last.
_FASTEST, _RATIO, _BINS = 1e-5, 1.02, 1000
# Wall time at the start of a segment that is left out of the slope, s: what is loaded late and
# filled once is no leak.
_WARM_UP = 60.0
# Pieces of the time whose means the slope's interval rests on: neighbouring samples are alike.
_PIECES = 10


@dataclass(frozen=True)
class Sample:
    """A look at a process.

    Attributes:
        node: Name of the node.
        segment: Which start of the test it belongs to.
        hours: Wall time since the segment began, h.
        megabytes: Resident memory, MB.
        handles: Open files, sockets and the like.
        threads: Its threads.
    """

    node: str
    segment: int
    hours: float
    megabytes: float
    handles: int
    threads: int


@dataclass
class Record:
    """What was found so far.

    Attributes:
        seconds: Simulated time of all segments, s.
        segments: How often the test was started.
        observations: Observations that were seen.
        unanswered: Those of them that no command answered.
        repeated: How often one was sent again.
        largest: Largest latency, s.
        counts: Latencies by bins of the histogram.
        samples: Looks at the processes.
    """

    seconds: float = 0.0
    segments: int = 0
    observations: int = 0
    unanswered: int = 0
    repeated: int = 0
    largest: float = 0.0
    counts: list[int] = field(default_factory=lambda: [0] * _BINS)
    samples: list[Sample] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path) -> Record:
        """The record of an interrupted test, or an empty one.

        Raises:
            ConfigurationError: The file is no such record.
        """
        if not path.exists():
            return cls()
        try:
            content = json.loads(path.read_text())
            samples = [Sample(**each) for each in content.pop("samples")]
            return cls(samples=samples, **content)
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigurationError(f"{path} is no record of a soak test: {error}") from error

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        write_text(path, json.dumps(asdict(self)))

    def add_latency(self, seconds: float) -> None:
        """Count the time from an observation to its answer, s."""
        self.largest = max(self.largest, seconds)
        k = np.log(max(seconds, _FASTEST) / _FASTEST) / np.log(_RATIO)
        self.counts[min(int(k), _BINS - 1)] += 1

    def latency(self, quantile: float) -> float:
        """Quantile of the latencies, s, to 2 %; NaN without any."""
        total = sum(self.counts)
        if not total:
            return float("nan")
        k = int(np.searchsorted(np.cumsum(self.counts), quantile * total))
        return min(_FASTEST * float(_RATIO ** (k + 1)), self.largest)

    def of(self, node: str) -> list[Sample]:
        """Samples of a node."""
        return [each for each in self.samples if each.node == node]

    def row(self, node: str) -> dict[str, Any]:
        """What is to be said of a node's process."""
        samples = self.of(node)
        warm = [each for each in samples if each.hours * 3600 >= _WARM_UP]
        slope, margin = memory_slope(warm)
        return {
            "node": node,
            "simulated_h": self.seconds / 3600,
            "wall_h": sum(
                max((s.hours for s in samples if s.segment == k), default=0.0)
                for k in range(1, self.segments + 1)
            ),
            "memory_mb": samples[-1].megabytes if samples else None,
            "memory_mb_per_h": slope,
            "memory_margin": margin,
            "handles": _range([each.handles for each in warm]),
            "threads": _range([each.threads for each in warm]),
            "observations": self.observations,
            "unanswered": self.unanswered,
            "sent_again": self.repeated,
            "latency_p50_ms": 1e3 * self.latency(0.5),
            "latency_p99.9_ms": 1e3 * self.latency(0.999),
            "latency_max_ms": 1e3 * self.largest,
        }


def _range(numbers: list[int]) -> str:
    """Lowest and highest, or the one that it always is."""
    low, high = min(numbers, default=0), max(numbers, default=0)
    return str(low) if low == high else f"{low} to {high}"


def memory_slope(samples: list[Sample]) -> tuple[float | None, float | None]:
    """Slope of memory over wall time, MB/h, and half its 95 % interval; None without enough.

    Each segment has an offset of its own. The interval is that of Student's t for a line through
    the means of pieces of the time.
    """
    times: list[NDArray[np.float64]] = []
    memory: list[NDArray[np.float64]] = []
    segments = sorted({each.segment for each in samples})
    for segment in segments:
        own = [each for each in samples if each.segment == segment]
        pieces = min(_PIECES, len(own) // 2)
        if pieces < 2:
            continue
        rows = np.array([[each.hours, each.megabytes] for each in own])
        means = np.array([piece.mean(axis=0) for piece in np.array_split(rows, pieces)])
        times.append(means[:, 0] - means[:, 0].mean())
        memory.append(means[:, 1] - means[:, 1].mean())
    if not times:
        return None, None
    x, y = np.concatenate(times), np.concatenate(memory)
    freedom = len(x) - len(times) - 1
    if freedom < 1:
        return None, None
    slope = float(x @ y / (x @ x))
    error = float(np.sqrt(((y - slope * x) ** 2).sum() / freedom / (x @ x)))
    return slope, error * float(stats.t.ppf(0.975, freedom))
