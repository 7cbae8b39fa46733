# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
from PIL import Image

from neuro_control.places.evaluation.report import pictures, summary

SETTINGS = {"seed": 3, "nodes": {"place_recognizer": {"model": "a.safetensors"}}}
RECORDING = {
    "time": np.arange(5) / 10,
    "name": np.array(["a", "b", "c", "d", "e"]),
    "sent": np.array([7.0, 7.1, 7.2, 7.3, 7.5]),
    "best": np.array(["a", "c", "c", "", "e"]),
    "place": np.array(["a", "c", "", "", "e"]),
    "score": np.array([5.0, 2.0, 1.0, math.nan, 4.0]),
    "latency": np.array([0.01, 0.02, 0.03, math.nan, 0.04]),
}


def test_figures_of_merit_worked_by_hand():
    found = summary(RECORDING, SETTINGS)
    assert found.pop("images_per_s") == 8.0
    assert len(found.pop("answers_sha256")) == 64
    assert found.pop("latency_ms") == pytest.approx({"p50": 25.0, "p99": 39.7})
    assert found == {
        "model": "a.safetensors",
        "images": 5,
        "answered": 4,
        "r1": 0.75,
        "visited": 0.75,
        "seed": 3,
    }


def test_a_run_without_an_answer_or_an_image_has_no_figures_but_is_none_the_worse(tmp_path):
    for keep in (slice(3, 4), slice(0)):
        recording = {name: values[keep] for name, values in RECORDING.items()}
        found = summary(recording, SETTINGS)
        assert (found["images"], found["answered"]) == (len(recording["time"]), 0)
        assert math.isnan(found["r1"])
        assert math.isnan(found["images_per_s"])
        assert pictures(recording, None, SETTINGS, tmp_path) == []


def test_a_run_is_drawn(tmp_path):
    assert pictures(RECORDING, None, SETTINGS, tmp_path) == []
    assert np.asarray(Image.open(tmp_path / "places.png")).std() > 5
