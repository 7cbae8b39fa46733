# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import pytest

from neuro_control.places.simulation.route import render_route
from tests.places.models import PLACES, write_model


@pytest.fixture(scope="session")
def route():
    """Images and poses of a short route in summer."""
    return render_route("summer", seed=5, places=PLACES)


@pytest.fixture(scope="session")
def model(route, tmp_path_factory):
    """File of a small model of that route."""
    path = tmp_path_factory.mktemp("model") / "summer.safetensors"
    write_model(path, *route)
    return path
