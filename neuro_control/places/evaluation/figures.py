# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figures of place recognition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.cli.plotting import figure
from neuro_control.places.control.types import Similarity
from neuro_control.places.evaluation.metrics import PrecisionRecall, Truth, area_under_curve


@contextmanager
def _drawn(path: Path, columns: int) -> Iterator[Any]:
    """Axes side by side, (columns,), written to the PNG file ``path`` when the block ends."""
    with figure(path, 1.2 + 3.6 * columns, 4.0) as drawn:
        axes = drawn.subplots(1, columns, squeeze=False)[0]
        for panel in axes:
            panel.spines[["top", "right"]].set_visible(False)
        yield axes


def similarities(matrices: Mapping[str, Similarity], truth: Truth, path: Path) -> None:
    """Draw similarity matrices (queries, places), one panel for each method, with the best matches.

    Each similarity is shown by how many standard deviations it exceeds the mean of its query, so
    that methods of different units can be compared. Best matches that are not the true place
    (``truth``, (queries,)) are orange, the others blue.
    """
    with _drawn(path, len(matrices)) as axes:
        for panel, (method, matrix) in zip(axes, matrices.items(), strict=True):
            spread = matrix.std(axis=1, keepdims=True)
            contrast = (matrix - matrix.mean(axis=1, keepdims=True)) / np.where(spread, spread, 1)
            panel.imshow(contrast, cmap="Greys", vmin=-1, vmax=5, aspect="auto")
            best = matrix.argmax(axis=1)
            queries = np.arange(len(matrix))
            for chosen, colour in ((best == truth, "#1f78b4"), (best != truth, "#d95f02")):
                panel.plot(best[chosen], queries[chosen], ".", color=colour, ms=2)
            panel.set(title=method, xlabel="place of the reference")
        axes[0].set_ylabel("query")


def precision_recall_curves(curves: Mapping[str, PrecisionRecall], path: Path) -> None:
    """Draw precision over recall, one line for each method, with the areas in the legend."""
    with _drawn(path, 1) as axes:
        for method, curve in curves.items():
            label = f"{method} ({area_under_curve(curve):.2f})"
            axes[0].plot(curve.recall, curve.precision, lw=1.5, label=label)
        axes[0].set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        axes[0].grid(alpha=0.3)
        axes[0].legend(fontsize=8, title="area under the curve", title_fontsize=8)


def recall_curves(recalls: Mapping[str, Mapping[int, float]], path: Path) -> None:
    """Draw recall at N over N, one line for each method."""
    with _drawn(path, 1) as axes:
        for method, recall in recalls.items():
            axes[0].plot(list(recall), list(recall.values()), "o-", ms=4, lw=1.5, label=method)
        axes[0].set(xlabel="N", ylabel="recall at N", ylim=(0, 1.02))
        axes[0].grid(alpha=0.3)
        axes[0].legend(fontsize=8)


def journey(
    images: NDArray[np.str_], best: NDArray[np.str_], score: NDArray[np.float64], path: Path
) -> None:
    """Draw which place was recognised in each image of a run, and the score.

    Args:
        images: Names of the images played, (n,).
        best: Names of the best places, (n,), empty for images without an estimate.
        score: Scores of the best places, (n,).
        path: PNG file.
    """
    index = {name: number for number, name in enumerate(images.tolist())}
    recognised = np.array([index.get(name, np.nan) for name in best.tolist()], dtype=np.float64)
    played = np.arange(len(images))
    with _drawn(path, 2) as axes:
        right = best == images
        for chosen, colour, label in ((right, "#1f78b4", "right"), (~right, "#d95f02", "wrong")):
            axes[0].plot(played[chosen], recognised[chosen], ".", color=colour, ms=4, label=label)
            axes[1].plot(played[chosen], score[chosen], ".", color=colour, ms=4)
        axes[0].set(xlabel="image", ylabel="image of the recognised place")
        axes[0].legend(fontsize=8)
        axes[1].set(xlabel="image", ylabel="score")


def montage(rows: Mapping[str, NDArray[np.uint8]], path: Path) -> None:
    """Draw images (n, height, width, 3) side by side, one row for each name."""
    columns = max(len(images) for images in rows.values())
    with figure(path, 1.4 * columns, 0.75 * len(rows)) as drawn:
        drawn.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0.01, hspace=0.01)
        axes = drawn.subplots(len(rows), columns, squeeze=False)
        for line, (name, images) in zip(axes, rows.items(), strict=True):
            for panel, image in zip(line, images, strict=True):
                panel.imshow(image)
                panel.set(xticks=[], yticks=[])
            line[0].set_ylabel(name, fontsize=9)
