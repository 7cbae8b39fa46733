# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Small models, for tests of what uses them."""

from concurrent.futures import ThreadPoolExecutor

from neuro_control.places.control.ensemble_settings import EnsembleSettings
from neuro_control.places.control.images import grey, shrink
from neuro_control.places.simulation.route import names
from neuro_control.places.training.dataset import Traverse
from neuro_control.places.training.train import train

PLACES = 12


def write_model(path, images, poses):
    """Train few neurons for a moment on places of a route of twelve, the first as many."""
    traverse = Traverse(
        source="route",
        names=tuple(names(PLACES)[: len(images)]),
        images=tuple(shrink(grey(image)) for image in images),
        poses=poses,
    )
    with ThreadPoolExecutor(1) as executor:
        train([traverse], EnsembleSettings(neurons=60, epochs=5), executor).write(path)
