# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from safetensors.numpy import save_file

from neuro_control.errors import ConfigurationError
from neuro_control.places.evaluation.baselines import descriptors, matrix, sad


def write(path, array):
    """The file that another program would write."""
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".npz":
        np.savez(path, found=array)
    elif path.suffix == ".csv":
        np.savetxt(path, array, delimiter=",")
    else:
        save_file({"found": np.ascontiguousarray(array)}, path)
    return path


def test_sums_of_differences_worked_by_hand():
    reference = np.array([[[0, 10], [20, 30]], [[255, 255], [255, 255]]], np.float32)
    query = np.array([[[1, 8], [20, 30]]], np.float32)
    found = sad(reference, query)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[-3, -(4 * 255 - 59)]])


def test_sums_of_differences_agree_with_numpy():
    rng = np.random.default_rng(0)
    reference, query = (rng.uniform(0, 255, (n, 28, 28)).astype(np.float32) for n in (30, 20))
    expected = -np.abs(query[:, None].astype(float) - reference).sum(axis=(2, 3))
    np.testing.assert_allclose(sad(reference, query), expected, rtol=1e-6)


def test_images_of_different_sizes_have_no_difference():
    with pytest.raises(ValueError, match="pixels"):
        sad(np.zeros((2, 28, 28), np.float32), np.zeros((2, 14, 14), np.float32))


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".safetensors"])
def test_descriptors_worked_by_hand_from_every_kind_of_file(suffix, tmp_path):
    reference = write(tmp_path / f"reference{suffix}", np.array([[1.0, 0], [0, 2], [-3, 0]]))
    query = write(tmp_path / f"query{suffix}", np.array([[4.0, 0], [3, 4]]))
    found = descriptors(reference, query, places=3, queries=2)
    np.testing.assert_allclose(found, [[1, 0, -1], [0.6, 0.8, -0.6]], atol=1e-6)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 4)), "row 0 is all zeros"),
        (np.ones((3, 4)), "3 descriptors, but there are 2 images"),
        (np.ones((2, 5)), r"query.npy have 5 numbers, those in .*reference.npy 4"),
        (np.array([[1, 1, 1, 1], [1, 1, np.inf, 1]]), "row 1 holds a number that is not finite"),
        (np.ones(4), r"holds \(4,\) of float64"),
        (np.array([["a"]]), "of <U1"),
    ],
)
def test_descriptors_that_fit_no_traverse_are_refused(array, message, tmp_path):
    reference = write(tmp_path / "reference.npy", np.ones((3, 4)))
    query = write(tmp_path / "query.npy", array)
    with pytest.raises(ConfigurationError, match=message):
        descriptors(reference, query, places=3, queries=2)


def test_files_that_hold_no_array_are_named(tmp_path):
    write(tmp_path / "whole.npy", np.ones((2, 2)))
    np.savez(tmp_path / "two.npz", a=np.ones(2), b=np.ones(2))
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    for suffix in (".npy", ".npz", ".csv", ".safetensors"):
        (tmp_path / f"damaged{suffix}").write_bytes(b"PK\x03\x04 damaged")
        (tmp_path / f"empty{suffix}").write_bytes(b"")
    names = ("two.npz", "objects.npy", "missing.npy", "text.txt", "empty.npy", "empty.csv")
    damaged = tuple(path.name for path in tmp_path.glob("damaged*"))
    for name in names + damaged:
        with pytest.raises(ConfigurationError, match=name) as caught:
            descriptors(tmp_path / name, tmp_path / "whole.npy", 2, 2)
        assert "\n" not in str(caught.value)


def test_a_matrix_is_taken_as_it_is_and_a_distance_turned_round(tmp_path):
    path = write(tmp_path / "matrix.npy", np.array([[1, 2, 3], [4, 5, 6]]))
    np.testing.assert_array_equal(matrix(path, 2, 3), [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(matrix(path, 2, 3, distance=True)[0], [-1, -2, -3])


def test_a_matrix_of_another_shape_is_refused(tmp_path):
    path = write(tmp_path / "matrix.npy", np.ones((2, 3)))
    with pytest.raises(ConfigurationError, match="3 queries and 2 places: transpose it"):
        matrix(path, 3, 2)
    with pytest.raises(ConfigurationError, match=r"is \(2, 3\), but there are 4 queries"):
        matrix(path, 4, 3)
    with pytest.raises(ConfigurationError, match=r"give a file \.npy"):
        matrix(write(tmp_path / "matrix.csv", np.ones((2, 3))), 2, 3)
