# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import csv
import time

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.images import grey, shrink
from neuro_control.places.control.preprocessing import normalise_patches
from neuro_control.places.simulation.landscape import SPACING, Landscape, Track
from neuro_control.places.simulation.ray_camera import RayCamera
from neuro_control.places.simulation.route import render_route
from neuro_control.places.simulation.route_files import write_route
from neuro_control.places.simulation.seasons import SEASONS


@pytest.fixture(scope="module")
def routes():
    """A hundred places in each season, and once more in summer."""
    shown = {season: render_route(season, seed=1) for season in SEASONS}
    return {**shown, "again": render_route("summer", seed=1, traverse=1)}


def recall(reference, query):
    """R@1 of the sum of absolute differences of patch-normalised images."""
    r, q = (np.stack([normalise_patches(shrink(grey(image))).ravel() for image in images])
            for images in (reference, query))  # fmt: skip
    nearest = np.abs(r[None] - q[:, None]).sum(axis=2).argmin(axis=1)
    return float(np.mean(nearest == np.arange(len(q))))


def test_images_are_small_colour_images_and_poses_lie_along_the_track(routes):
    for images, poses in routes.values():
        assert images.shape == (100, 32, 64, 3)
        assert images.dtype == np.uint8
        assert poses.shape == (100, 7)
        np.testing.assert_allclose(np.linalg.norm(poses[:, 3:], axis=1), 1.0, atol=1e-9)
        steps = np.linalg.norm(np.diff(poses[:, :2], axis=0), axis=1)
        assert np.median(steps) == pytest.approx(SPACING, rel=0.05)


def test_the_camera_looks_the_way_it_goes(routes):
    _, poses = routes["summer"]
    qx, qy, qz, qw = poses[:-1, 3:].T
    forward = np.stack([1 - 2 * (qy**2 + qz**2), 2 * (qx * qy + qw * qz)], axis=1)
    steps = np.diff(poses[:, :2], axis=0)
    cosines = np.sum(forward * steps, axis=1) / np.linalg.norm(steps, axis=1)
    assert cosines.min() > 0.95


def test_seasons_are_one_route_that_is_hard_to_know_again_and_another_run_is_easy(routes):
    summer, _ = routes["summer"]
    assert 0.5 <= recall(summer, routes["winter"][0]) <= 0.9
    assert 0.5 <= recall(summer, routes["dusk"][0]) <= 0.95
    assert recall(summer, routes["again"][0]) >= 0.9


def test_winter_is_white_below_and_dusk_is_dark(routes):
    ground = {name: images[:, 24:].mean(axis=(0, 1, 2)) for name, (images, _) in routes.items()}
    assert ground["winter"].min() > 1.5 * ground["summer"].mean()
    assert np.ptp(ground["winter"]) < 10
    assert ground["dusk"].max() < 0.5 * ground["summer"].mean()


def test_a_hundred_places_are_rendered_while_one_waits():
    began = time.process_time()
    render_route("winter")
    assert time.process_time() - began < 3.0


def test_the_same_seed_is_the_same_route_and_another_is_another():
    first, poses = render_route("winter", seed=3, places=5)
    again, same_poses = render_route("winter", seed=3, places=5)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(poses, same_poses)
    other, other_poses = render_route("winter", seed=4, places=5)
    assert np.abs(first.astype(int) - other).mean() > 5
    assert np.abs(poses - other_poses).max() > 0.1
    noisy, _ = render_route("winter", seed=3, places=5, traverse=1)
    assert np.abs(first.astype(int) - noisy).mean() > 1


def test_a_rays_colour_worked_by_hand():
    # Straight down onto plain ground in haze: normal and sun's direction are (0, 0, 1) and known.
    season = SEASONS["summer"]
    landscape = Landscape(season, seed=0, places=1)
    landscape.table[:] = 0.0
    camera = RayCamera(landscape, season, 9, 9)
    down = np.array([np.sqrt(0.5), 0.0, np.sqrt(0.5), 0.0])
    seen = camera.look(np.array([-50.0, 0.0, 2.0]), down, 0.0)[4, 4]
    light = season.ambient + season.sun * np.sin(season.elevation)
    clear = np.exp(-season.haze * 2.0)
    expected = clear * light * np.array(season.grass) + (1 - clear) * np.array(season.horizon)
    np.testing.assert_allclose(seen, expected, rtol=1e-6)


def test_overhead_is_the_zenith():
    season = SEASONS["winter"]
    landscape = Landscape(season, seed=0, places=1)
    landscape.table[:] = 0.0
    up = np.array([np.sqrt(0.5), 0.0, -np.sqrt(0.5), 0.0])
    seen = RayCamera(landscape, season, 9, 9).look(np.array([-50.0, 0.0, 2.0]), up, 0.0)[4, 4]
    np.testing.assert_allclose(seen, season.zenith)


@given(st.integers(0, 2**31), st.integers(1, 40))
@settings(max_examples=20)
def test_nothing_but_a_tunnel_reaches_over_the_track(seed, places):
    landscape = Landscape(SEASONS["winter"], seed, places)
    for index, (x, y) in enumerate(landscape.track.points[:: int(SPACING)]):
        # From above the tracks to the camera's height there is nothing to run into, save a roof.
        geom = np.zeros(1, dtype=np.int32)
        height = mujoco.mj_ray(
            landscape.model, landscape.data, np.array([x, y, 0.1]), np.array([0.0, 0.0, 1.0]),
            None, 1, -1, geom,
        )  # fmt: skip
        assert height < 0 or height == pytest.approx(4.7), index


@given(st.integers(0, 2**31))
@settings(max_examples=20)
def test_a_track_never_comes_near_itself(seed):
    track = Track.random(500.0, np.random.default_rng(seed))
    np.testing.assert_allclose(np.linalg.norm(np.diff(track.points, axis=0), axis=1), 1.0)
    gaps = np.linalg.norm(track.points[None] - track.points[:, None], axis=2)
    far = np.abs(np.subtract.outer(np.arange(len(gaps)), np.arange(len(gaps)))) > 40
    assert gaps[far].min() > 10


def test_a_route_is_written_as_images_and_poses(tmp_path):
    write_route(tmp_path / "route", "winter", places=12, seed=2)
    images, poses = render_route("winter", seed=2, places=12)
    names = sorted(path.name for path in (tmp_path / "route").iterdir())
    assert names == [*(f"{i:02d}.png" for i in range(12)), "poses.csv"]
    np.testing.assert_array_equal(Image.open(tmp_path / "route" / "07.png"), images[7])
    with (tmp_path / "route" / "poses.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[3]) == ["name", "x", "y", "z", "qx", "qy", "qz", "qw"]
    assert rows[3]["name"] == "03.png"
    np.testing.assert_allclose([float(v) for v in list(rows[3].values())[1:]], poses[3], atol=1e-6)


def test_what_can_not_be_rendered_or_written_is_told_and_leaves_nothing(tmp_path):
    for arguments, why in (
        ({"season": "monsoon"}, "no season 'monsoon': there are summer, winter, dusk"),
        ({"season": "summer", "places": 0}, "at least 1 place"),
        ({"season": "summer", "height": 7}, "8x8"),
    ):
        with pytest.raises(ConfigurationError, match=why):
            render_route(**arguments)
        with pytest.raises(ConfigurationError, match=why):
            write_route(tmp_path / "new", **arguments)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine").write_text("kept")
    for taken in (tmp_path, tmp_path / "mine"):
        with pytest.raises(
            ConfigurationError, match="holds something: give a folder that is empty"
        ):
            write_route(taken, "summer", places=1)
    assert (tmp_path / "mine").read_text() == "kept"
