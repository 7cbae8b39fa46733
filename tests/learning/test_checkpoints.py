# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints are resumed by the same training only."""

import numpy as np
import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.learning.checkpoints import Checkpoint

SETTINGS = {"seed": 1, "steps": 100}
KIND = "a training of a toy"


def test_what_was_written_is_read_and_a_folder_without_a_checkpoint_gives_nothing(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run", KIND, SETTINGS)
    assert checkpoint.read() == {}
    checkpoint.write({"mean": np.arange(3.0)})
    found = Checkpoint(tmp_path / "run", KIND, SETTINGS).read()
    assert list(found) == ["mean"]
    np.testing.assert_array_equal(found["mean"], [0.0, 1.0, 2.0])


def test_a_training_may_be_made_longer_but_not_another(tmp_path):
    Checkpoint(tmp_path, KIND, SETTINGS).write({"mean": np.zeros(1)})
    assert Checkpoint(tmp_path, KIND, {**SETTINGS, "steps": 200}).read()
    with pytest.raises(ConfigurationError, match=r"another training \(seed differ\): give another"):
        Checkpoint(tmp_path, KIND, {**SETTINGS, "seed": 2}).read()
    with pytest.raises(ConfigurationError, match=r"\(rate differ\)"):
        Checkpoint(tmp_path, KIND, {**SETTINGS, "rate": 0.1}).read()
    with pytest.raises(ConfigurationError, match="not a training of a fish"):
        Checkpoint(tmp_path, "a training of a fish", SETTINGS).read()


def test_settings_are_compared_as_the_file_gives_them_back(tmp_path):
    Checkpoint(tmp_path, KIND, {**SETTINGS, "sizes": (1, 2)}).write({"mean": np.zeros(1)})
    assert Checkpoint(tmp_path, KIND, {**SETTINGS, "sizes": (1, 2)}).read()
    with pytest.raises(ConfigurationError, match=r"\(sizes differ\)"):
        Checkpoint(tmp_path, KIND, {**SETTINGS, "sizes": (1, 3)}).read()


def test_a_training_from_another_start_is_another(tmp_path):
    Checkpoint(tmp_path, KIND, SETTINGS, start={"start": np.zeros(2)}).write({"mean": np.ones(2)})
    assert Checkpoint(tmp_path, KIND, SETTINGS, start={"start": np.zeros(2)}).read()
    with pytest.raises(ConfigurationError, match=r"\(the start differ\)"):
        Checkpoint(tmp_path, KIND, SETTINGS, start={"start": np.ones(2)}).read()
