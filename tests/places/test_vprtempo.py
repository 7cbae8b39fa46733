# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import sys

import numpy as np
import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.places.evaluation.vprtempo import vprtempo


def textures(count, *, seed=0, shape=(16, 32, 3)):
    """Images that have nothing in common."""
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


@pytest.fixture
def package():
    pytest.importorskip("torch", reason="VPRTempo needs torch")
    pytest.importorskip("vprtempo", reason="VPRTempo is an extra of its own")


@pytest.mark.usefixtures("package")
def test_vprtempo_finds_the_places_that_it_learnt_in_several_modules():
    images = textures(3)
    result = vprtempo(
        [images], images[:2], seed=0, epochs=8, places_per_module=2, size=(12, 12), patch=5
    )
    assert result.similarity.shape == (2, 3)
    np.testing.assert_array_equal(result.similarity.argmax(axis=1), range(2))
    assert result.queries_per_s == pytest.approx(2 / result.query_s)
    assert result.train_s > 0.0
    assert result.forward_per_s > 0.0


@pytest.mark.usefixtures("package")
def test_vprtempo_learns_the_same_from_the_same_seed():
    traverses = [textures(3, shape=(16, 16)), textures(3, seed=1, shape=(16, 16))]
    first, again, other = (
        vprtempo(traverses, traverses[1], seed=seed, epochs=1, size=(8, 8), patch=5).similarity
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_without_the_package_it_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "vprtempo.VPRTempo", None)
    with pytest.raises(ConfigurationError, match="pip install --no-deps vprtempo"):
        vprtempo([textures(2)], textures(2), seed=0)


@pytest.mark.parametrize(
    ("references", "query", "message"),
    [
        ([textures(3), textures(2)], textures(3), r"equally many places; got \[2, 3\]"),
        ([], textures(3), r"equally many places; got \[\]"),
        ([textures(3)], textures(0), "query takes 8-bit images .* one at least"),
        ([textures(3) / 255], textures(3), "reference 1 takes 8-bit images"),
        ([textures(3)], textures(3)[0, 0], "query takes 8-bit images"),
        ([textures(2)], np.stack([textures(1)[0], textures(1)[0] // 255]), "image 1 of query is"),
    ],
)
def test_images_that_vprtempo_cannot_take_are_refused(references, query, message):
    with pytest.raises(ConfigurationError, match=message):
        vprtempo(references, query, seed=0)
