# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A folder of generated data takes the data that it was made for."""

import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.learning.manifests import claim


def test_a_folder_is_taken_again_by_the_same_settings_and_by_no_others(tmp_path):
    folder = tmp_path / "data"
    claim(folder, {"seed": 1, "tasks": ("go_to", "crawl")})
    claim(folder, {"seed": 1, "tasks": ("go_to", "crawl")})
    with pytest.raises(ConfigurationError, match="holds another data set: give another folder"):
        claim(folder, {"seed": 2, "tasks": ("go_to", "crawl")})


def test_a_folder_with_a_damaged_manifest_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "manifest.json").write_text('{"seed": ')
    with pytest.raises(ConfigurationError, match="holds another data set"):
        claim(tmp_path, {"seed": 1})
