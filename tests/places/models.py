"""Small models, for tests of what uses them."""

from concurrent.futures import ThreadPoolExecutor

from neuro_control.places.dataset import Traverse
from neuro_control.places.ensemble import Design
from neuro_control.places.images import grey, shrink
from neuro_control.places.route import names
from neuro_control.places.train import train


def write_model(path, images, poses):
    """Train a few neurons a place for a moment, on the first places of a route of twelve."""
    traverse = Traverse(
        source="route",
        names=tuple(names(12)[: len(images)]),
        images=tuple(shrink(grey(image)) for image in images),
        poses=poses,
    )
    with ThreadPoolExecutor(1) as executor:
        train([traverse], Design(neurons=100, epochs=10), executor).write(path)
