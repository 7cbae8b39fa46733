# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Comparison with VPRTempo: trains and evaluates its own package on the same images.

Patch normalisation, layers, training and modules are those of the published package ``vprtempo``,
with its defaults. Its command line isn't used: it expects Nordland's folders in the working
directory, divides by zero with fewer places than a module holds, and ends an evaluation in an
exception (release 1.1.10).

Source: Hines, Stratton, Milford and Fischer, VPRTempo: A Fast Temporally Encoded Spiking Neural
Network for Visual Place Recognition (arXiv 2309.10225).
"""

from __future__ import annotations

import contextlib
import csv
import logging
import sys
import tempfile
import time
import warnings
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuro_control.errors import ConfigurationError
from neuro_control.places.training.dataset import Traverse, open_traverse

Images = NDArray[np.uint8]

# A query is read and normalised by as many processes as VPRTempo's own evaluation takes.
_READERS = 4


class VPRTempoResult(NamedTuple):
    """Scores of VPRTempo, and the time that it took on this machine.

    Attributes:
        similarity: Score of each place for each query, (Q, P); the largest is the best place.
        train_s: Time of training, from image files to trained layers, s.
        query_s: Time of all queries, from image files to scores, s.
        forward_s: Time of all queries through the network alone, s.
    """

    similarity: NDArray[np.float32]
    train_s: float
    query_s: float
    forward_s: float

    @property
    def queries_per_s(self) -> float:
        """Queries a second, from image files to scores."""
        return len(self.similarity) / self.query_s

    @property
    def forward_per_s(self) -> float:
        """Queries a second of the network alone."""
        return len(self.similarity) / self.forward_s


def vprtempo(
    references: Sequence[Images],
    query: Images,
    *,
    seed: int,
    epochs: int = 4,
    places_per_module: int = 500,
    size: tuple[int, int] = (56, 56),
    patch: int = 15,
) -> VPRTempoResult:
    """Train VPRTempo on reference images and score queries with it.

    The defaults are those of its command line; when the paper appeared they were a ``size`` of
    (28, 28) and a ``patch`` of 7, which trains six to eight times faster. More places than a
    module holds become several modules whose scores stand side by side, as there. The package
    draws from the global generators of torch and NumPy: the first is put back, the second is left
    seeded.

    Args:
        references: One array for each traverse, grey (P, H, W) or colour (P, H, W, 3); row p of
            each is place p.
        query: Images of the same form, (Q, H, W) or (Q, H, W, 3).
        seed: Seed of its weights and of the order of training.
        epochs: Number of times that each of its two layers is trained on each image.
        places_per_module: Largest number of places of a module.
        size: Rows and columns to which it resizes images.
        patch: Side of the patches that it normalises, pixels.

    Raises:
        ConfigurationError: The package is missing, traverses differ in their number of places,
            there are no images, or an image is black.
    """
    _check([*references, query])
    try:
        import torch
        from torch.utils.data import DataLoader
        from vprtempo.src.dataset import CustomImageDataset, ProcessImage
        from vprtempo.VPRTempo import VPRTempo
        from vprtempo.VPRTempoTrain import VPRTempoTrain, train_new_model
    # torchvision ends in a RuntimeError where it was built for another torch.
    except (ImportError, RuntimeError) as error:
        raise ConfigurationError(
            f"VPRTempo can't be imported ({error}): pip install --no-deps vprtempo, and beside it "
            "torch, the torchvision that belongs to it, pandas, prettytable, imageio, matplotlib, "
            "requests and tqdm"
        ) from error
    places = len(references[0])
    capacity = min(places, places_per_module)
    remainder = places % capacity
    # The output layer of each module: all are full but the last.
    outputs = [None] * (places // capacity) + [remainder] * (remainder > 0)
    with (
        tempfile.TemporaryDirectory() as name,
        torch.random.fork_rng(devices=[]),
        # It prints on standard output, which belongs to results.
        contextlib.redirect_stdout(sys.stderr),
        warnings.catch_warnings(),
    ):
        # It asks for more readers than this machine has cores, and for names that torch renames.
        warnings.simplefilter("ignore")
        folder = Path(name)
        traverses = [f"reference{i}" for i in range(len(references))]
        for traverse, images in zip([*traverses, "query"], [*references, query], strict=True):
            _write(folder, traverse, images)
        options = Namespace(
            # It joins these to a relative folder of its own, which an absolute path overrides.
            dataset=str(folder / "places"),
            data_dir=str(folder),
            database_dirs=",".join(traverses),
            query_dir="query",
            database_places=places,
            max_module=capacity,
            epoch=epochs,
            patches=patch,
            filter=1,  # every image is a place
            skip=0,
        )
        logger = logging.getLogger(__name__)
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        start = time.perf_counter()
        trained = [
            VPRTempoTrain(options, size, logger, len(outputs), capacity, output)
            for output in outputs
        ]
        train_new_model(trained, str(folder / "model.pth"))
        train_s = time.perf_counter() - start

        models = [
            VPRTempo(options, size, logger, len(outputs), name, capacity, output)
            for output in outputs
        ]
        network = models[0]
        network.load_model(models, str(folder / "model.pth"))
        # The rest is as in its own `evaluate`, which doesn't return the scores.
        network.inferences = [
            torch.nn.Sequential(model.feature_layer.w, model.output_layer.w).to(network.device)
            for model in models
        ]
        loader = DataLoader(
            CustomImageDataset(
                network.dataset_file,
                options.data_dir,
                network.query_dir,
                transform=ProcessImage(size, patch),
                max_samples=len(query),
            ),
            num_workers=_READERS,
            persistent_workers=True,
        )
        with torch.no_grad():
            start = time.perf_counter()
            spikes = [image.to(network.device) for image, _ in loader]
            scores = [network.forward(image) for image in spikes]
            similarity = torch.cat(scores).cpu().numpy().reshape(len(query), places)
            query_s = time.perf_counter() - start
            start = time.perf_counter()
            for image in spikes:
                network.forward(image)
            forward_s = time.perf_counter() - start
    return VPRTempoResult(similarity, train_s, query_s, forward_s)


def originals(traverse: Traverse) -> Images:
    """Images of a traverse as they are stored, (n, H, W): VPRTempo resizes them in its own way.

    Raises:
        ConfigurationError: They are of different sizes.
    """
    whole = open_traverse(Path(traverse.source))
    by_name = dict(zip(whole.names, whole.images, strict=True))
    found = [by_name[name] for name in traverse.names]
    if len({image.shape for image in found}) > 1:
        raise ConfigurationError(
            f"the images of {traverse.source} are of different sizes: VPRTempo takes one size"
        )
    return np.stack(found)


def _check(traverses: Sequence[Images]) -> None:
    """Refuse images that end VPRTempo with an exception; the last traverse is the query."""
    counts = {len(images) for images in traverses[:-1]}
    if len(counts) != 1:
        raise ConfigurationError(
            f"reference traverses hold equally many places; got {sorted(counts)}"
        )
    for number, images in enumerate(traverses):
        name = "query" if number == len(traverses) - 1 else f"reference {number + 1}"
        if images.dtype != np.uint8 or images.ndim not in (3, 4) or not len(images):
            raise ConfigurationError(
                f"{name} takes 8-bit images (n, H, W) or (n, H, W, 3), one at least; "
                f"got {images.dtype} of shape {images.shape}"
            )
        # Its gamma correction divides by the logarithm of the mean.
        black = np.flatnonzero(images.reshape(len(images), -1).mean(axis=1) <= 1.0)
        if len(black):
            raise ConfigurationError(f"image {black[0]} of {name} is black: leave it out")


def _write(folder: Path, traverse: str, images: Images) -> None:
    """Write images and the list of them in the form that VPRTempo reads."""
    (folder / traverse).mkdir()
    with (folder / f"places-{traverse}.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["Image_name", "index"])
        for place, image in enumerate(images):
            Image.fromarray(image).save(folder / traverse / f"{place:06}.png")
            rows.writerow([f"{place:06}.png", place])
