# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from safetensors.numpy import save_file

from neuro_control import weights
from neuro_control.errors import ConfigurationError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "some.safetensors"


def test_what_was_written_is_read(path):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array(3, dtype=np.int64)}
    weights.write(path, "test", arrays, {"seed": 3, "names": ["x"]})
    found, facts = weights.read(path, "test")
    assert facts == {"seed": 3, "names": ["x"]}
    assert found.keys() == arrays.keys()
    for name in arrays:
        np.testing.assert_array_equal(found[name], arrays[name], strict=True)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_file_that_is_not_there_is_told(path):
    with pytest.raises(ConfigurationError, match=r"no file .*some\.safetensors"):
        weights.read(path, "test")


def test_another_kind_is_refused(path):
    weights.write(path, "one kind", {"a": np.zeros(1)}, {})
    with pytest.raises(ConfigurationError, match="holds one kind, not another"):
        weights.read(path, "another")


def test_a_foreign_file_is_refused(path):
    path.parent.mkdir()
    save_file({"a": np.zeros(1)}, path)
    with pytest.raises(ConfigurationError, match="holds something else, not test"):
        weights.read(path, "test")


@pytest.mark.parametrize("keep", [0, 1, 8, 40, -1])
def test_a_truncated_file_is_refused(path, keep):
    weights.write(path, "test", {"a": np.zeros(100)}, {})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ConfigurationError, match="damaged or no safetensors file"):
        weights.read(path, "test")


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_refused(path, number):
    weights.write(path, "test", {"a": np.array([0.0, number])}, {})
    with pytest.raises(ConfigurationError, match="a holds a number that is not finite"):
        weights.read(path, "test")


@pytest.mark.parametrize("fact", ["Infinity", "-Infinity", "NaN", "1e999", "1" * 401, "9" * 5000])
def test_a_fact_that_no_size_can_be_is_refused(path, fact):
    path.parent.mkdir()
    text = f'{{"kind": "test", "facts": {{"links": [{{"most": {fact}}}]}}}}'
    save_file({"a": np.zeros(1)}, path, metadata={"neuro_control": text})
    with pytest.raises(ConfigurationError, match="damaged or no safetensors file"):
        weights.read(path, "test")


def test_facts_nested_deeper_than_any_reader_goes_are_refused(path):
    path.parent.mkdir()
    text = f'{{"kind": "test", "facts": {{"a": {"[" * 100000}{"]" * 100000}}}}}'
    save_file({"a": np.zeros(1)}, path, metadata={"neuro_control": text})
    with pytest.raises(ConfigurationError, match="damaged or no safetensors file"):
        weights.read(path, "test")
