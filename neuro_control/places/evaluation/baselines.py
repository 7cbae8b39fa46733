# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Baselines, each as a similarity matrix (queries, places).

Sums of absolute differences need nothing but the images. Templates are the images as they leave the
ensemble's own preprocessing, compared by cosine: what a network adds to its preprocessing is what
it does better than they. Either can be adapted as the ensemble is, by homeostasis. Descriptors,
such as NetVLAD's, and whole matrices are read from files that other programs wrote.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numba
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.ensemble import Ensemble
from neuro_control.places.control.online_statistics import starting_statistics
from neuro_control.places.control.preprocessing import normalise_patches
from neuro_control.places.control.suppression import unit
from neuro_control.places.control.types import Array32 as Matrix


def sad(reference: Matrix, query: Matrix) -> Matrix:
    """Similarity by the sum of absolute differences, negated: 0 for equal images.

    Args:
        reference: Prepared images of the places, (places, side, side) or (places, inputs).
        query: Prepared images of the queries, of the same form.

    Returns:
        (queries, places), computed on all cores.

    Raises:
        ValueError: The images are of different sizes.

    Source: Milford and Wyeth, SeqSLAM (ICRA 2012).
    """
    if reference.shape[1:] != query.shape[1:]:
        raise ValueError(f"images of {reference.shape[1:]} and {query.shape[1:]} pixels")
    flat = [
        np.ascontiguousarray(images, dtype=np.float32).reshape(len(images), -1)
        for images in (query, reference)
    ]
    found: Matrix = _negated_distances(*flat)
    return found


def patches(images: NDArray[np.uint8]) -> Matrix:
    """Small images (n, side, side), their patches normalised as in the paper."""
    return np.stack([normalise_patches(image) for image in images])


def preprocessed(ensemble: Ensemble, query: NDArray[np.uint8]) -> tuple[Matrix, Matrix]:
    """Levels of the reference (P, inputs) and of queries in this order (n, inputs).

    The preprocessing is the ensemble's, adapts as there, and is reset first.
    """
    preprocessing = copy.copy(ensemble.preprocessing)
    preprocessing.reset()
    return preprocessing.traverse_levels(ensemble.reference), preprocessing.levels(query)


def cosine(reference: Matrix, query: Matrix) -> Matrix:
    """Cosine of the angle between levels (P, inputs) and (n, inputs), (n, P)."""
    found: Matrix = unit(query) @ unit(reference).T
    return found


def adapted(similarity: Matrix, reference: Matrix) -> Matrix:
    """Similarities against each place's mean and spread so far: the ensemble's homeostasis.

    Args:
        similarity: Similarities of queries in this order, (queries, places).
        reference: Similarities of the reference's own images, (places, places).
    """
    statistics = starting_statistics(reference)
    found = np.empty_like(similarity)
    for row, standing in zip(similarity, found, strict=True):
        standing[:] = (row - statistics.mean) / statistics.spread
        statistics.add(row)
    return found


def baselines_of(ensemble: Ensemble, query: NDArray[np.uint8]) -> dict[str, Matrix]:
    """Similarities (queries, places) of each baseline, for small images of queries in order."""
    levels = preprocessed(ensemble, query)
    small = patches(ensemble.reference), patches(query)
    return {
        "SAD": sad(*small),
        "SAD, adapted": adapted(sad(*small), sad(small[0], small[0])),
        "SAD of the preprocessing": sad(*levels),
        "template": cosine(*levels),
        "template, adapted": adapted(cosine(*levels), cosine(levels[0], levels[0])),
    }


def sad_of_patches(reference: NDArray[np.uint8], query: NDArray[np.uint8]) -> Matrix:
    """Similarity of small images (n, side, side) by the SAD of their normalised patches.

    Returns:
        (queries, places).
    """
    return sad(patches(reference), patches(query))


# The order of the sum doesn't matter here; if it is free, the compiler uses vector instructions.
@numba.njit(cache=True, parallel=True, fastmath={"reassoc"})  # type: ignore[untyped-decorator]  # numba is untyped
def _negated_distances(query: Matrix, reference: Matrix) -> Matrix:
    found = np.empty((len(query), len(reference)), np.float32)
    for q in numba.prange(len(query)):
        for p in range(len(reference)):
            total = np.float32(0.0)
            for k in range(query.shape[1]):
                total += abs(query[q, k] - reference[p, k])
            found[q, p] = -total
    return found


def _arrays(path: Path) -> list[NDArray[Any]]:
    """The arrays in a file."""
    if path.suffix == ".safetensors":
        return list(load_file(path).values())
    if path.suffix == ".csv":
        return [np.loadtxt(path, delimiter=",", ndmin=2)]
    with path.open("rb") as file:
        loaded = np.load(file, allow_pickle=False)
        return [loaded] if isinstance(loaded, np.ndarray) else list(loaded.values())


def _numbers(path: Path, suffixes: tuple[str, ...]) -> Matrix:
    """The only array in a file, two-dimensional and finite."""
    if path.suffix not in suffixes:
        raise ConfigurationError(f"can't read {path}: give a file {', '.join(suffixes)}")
    if path.is_file() and path.stat().st_size == 0:
        raise ConfigurationError(f"{path} is empty: give a file with numbers")
    try:
        arrays = _arrays(path)
    except (
        *(OSError, ValueError, EOFError, KeyError, TypeError),
        *(SafetensorError, BadZipFile),
    ) as error:
        raise ConfigurationError(f"can't read the numbers in {path}: {error}") from error
    if len(arrays) != 1:
        raise ConfigurationError(f"{path} holds {len(arrays)} arrays: give a file with one")
    array = arrays[0]
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise ConfigurationError(
            f"{path} holds {array.shape} of {array.dtype}: expected rows and columns of numbers"
        )
    if not np.isfinite(array).all():
        row = int((~np.isfinite(array)).any(axis=1).argmax())
        raise ConfigurationError(f"{path}: row {row} holds a number that is not finite")
    return array.astype(np.float32)


def descriptors(reference: Path, query: Path, places: int, queries: int) -> Matrix:
    """Similarity by the cosine of the angle between descriptors, from -1 to 1.

    Args:
        reference: File of the places' descriptors, (places, d), in the order of the traverse:
            .npy, .npz or .safetensors with one array, or .csv without a header.
        query: The same of the queries, (queries, d).
        places: Images of the reference traverse.
        queries: Images of the query traverse.

    Returns:
        (queries, places).

    Raises:
        ConfigurationError: A file can't be read, doesn't hold as many rows as there are images, or
            holds numbers that are not finite or a row of nothing but zeros; or the descriptors are
            of different lengths.
    """
    unit = []
    for path, count in ((query, queries), (reference, places)):
        rows = _numbers(path, (".npy", ".npz", ".csv", ".safetensors"))
        if len(rows) != count:
            raise ConfigurationError(
                f"{path} holds {len(rows)} descriptors, but there are {count} images: give one for "
                "each image"
            )
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if not lengths.all():
            row = int(lengths[:, 0].argmin())
            raise ConfigurationError(f"{path}: row {row} is all zeros and has no direction")
        unit.append(rows / lengths)
    if unit[0].shape[1] != unit[1].shape[1]:
        raise ConfigurationError(
            f"descriptors in {query} have {unit[0].shape[1]} numbers, those in {reference} "
            f"{unit[1].shape[1]}: take both from the same program"
        )
    found: Matrix = unit[0] @ unit[1].T
    return found


def matrix(path: Path, queries: int, places: int, distance: bool = False) -> Matrix:
    """A similarity matrix that another program wrote.

    Args:
        path: A .npy file, (queries, places).
        queries: Images of the query traverse.
        places: Images of the reference traverse.
        distance: The file holds distances, where smaller is more similar.

    Raises:
        ConfigurationError: The file can't be read, has another shape, or holds numbers that are not
            finite.
    """
    found = _numbers(path, (".npy",))
    if found.shape != (queries, places):
        hint = ": transpose it" if found.shape == (places, queries) else ""
        raise ConfigurationError(
            f"{path} is {found.shape}, but there are {queries} queries and {places} places{hint}"
        )
    return -found if distance else found
