# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from PIL import Image

from neuro_control.places.evaluation import figures
from neuro_control.places.evaluation.metrics import precision_recall, recall_at

TRUTH = np.array([0, 1, 2, 3, 4, 5, 6, -1])
MATRICES = {
    "SAD": np.eye(8) + np.random.default_rng(0).normal(0, 0.4, (8, 8)),
    "experts": np.eye(8),
    "nothing": np.ones((8, 8)),
}


def draw_similarities(path):
    figures.similarities(MATRICES, TRUTH, path)


def draw_precision_recall(path):
    curves = {method: precision_recall(matrix, TRUTH) for method, matrix in MATRICES.items()}
    figures.precision_recall_curves(curves, path)


def draw_recall(path):
    recalls = {method: recall_at(matrix, TRUTH) for method, matrix in MATRICES.items()}
    figures.recall_curves(recalls, path)


def draw_journey(path):
    names = np.array(["a", "b", "c", "d"])
    best = np.array(["a", "c", "", "elsewhere"])
    figures.journey(names, best, np.array([1.0, 0.5, np.nan, 0.2]), path)


@pytest.mark.parametrize(
    "draw", [draw_similarities, draw_precision_recall, draw_recall, draw_journey]
)
def test_a_figure_is_a_png_written_whole_and_the_same_each_time(draw, tmp_path):
    draw(tmp_path / "results" / "first.png")
    draw(tmp_path / "results" / "again.png")
    files = sorted(each.name for each in (tmp_path / "results").iterdir())
    assert files == ["again.png", "first.png"]
    first, again = (
        np.asarray(Image.open(tmp_path / "results" / name)) for name in ("first.png", "again.png")
    )
    assert first.std() > 5
    np.testing.assert_array_equal(first, again)


def test_a_figure_that_fails_leaves_no_file(tmp_path):
    with pytest.raises(ValueError, match=r"broadcast|boolean"):
        figures.similarities(MATRICES, TRUTH[:5], tmp_path / "figure.png")
    assert list(tmp_path.iterdir()) == []
