# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Small ensembles, trained within a second, that know textures."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

from neuro_control.places.control.ensemble import Ensemble
from neuro_control.places.control.ensemble_settings import EnsembleSettings
from neuro_control.places.control.preprocessing import PatchNormalisation
from neuro_control.places.control.recogniser import Recogniser
from neuro_control.places.control.recogniser_settings import RecogniserSettings
from neuro_control.places.training.dataset import Traverse
from neuro_control.places.training.train import train
from tests.places.textures import textures


def traverse(images, names=None, **known):
    """Images as a reference of the places 0, 1, …"""
    names = tuple(str(n) for n in range(len(images))) if names is None else names
    return Traverse("the reference", names, tuple(images), **known)


def design(**changed):
    known = {"learning": "stdp", "neurons": 40, "places": 5, "epochs": 8}
    return EnsembleSettings(**{**known, **changed})


def trained(traverses, design, progress=None, known=None, **options):
    with ThreadPoolExecutor(1) as executor:
        return train(traverses, design, executor, progress, known, **options)


def recogniser_of(ensemble, **settings):
    """A recogniser of an ensemble, or of its file."""
    return Recogniser(ensemble, RecogniserSettings(**settings))


@cache
def small(count=10, **changed):
    """An ensemble for ``count`` places; the same one for everybody, so nobody may change it."""
    return trained([traverse(textures(count))], design(**changed))


def handmade(responses, count):
    """An ensemble of experts for ``count`` places that fired so in training, (E, most, neurons)."""
    responses = np.array(responses, np.uint16)
    experts, most, neurons = responses.shape
    return Ensemble(
        settings=EnsembleSettings(
            preprocessing="patch", places=most, neurons=neurons, learning="stdp"
        ),
        names=tuple(str(n) for n in range(count)),
        reference=textures(count),
        poses=None,
        frame_id="map",
        preprocessing=PatchNormalisation(),
        networks=np.zeros(experts, int),
        places=np.arange(experts * most).reshape(experts, most),
        weights=np.zeros((experts, 784, neurons), np.float16),
        thresholds=np.zeros((experts, neurons), np.float32),
        responses=responses,
        probe=np.zeros(0, int),
        probed=np.zeros((0, count), np.float16),
        activity=np.zeros((experts, neurons), np.float32),
        train_s=0.0,
    )
