# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A parameter file can name a function as the model only if that is registered."""

import importlib
import sys
from importlib.metadata import EntryPoint

import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.simulation import registry, world

FOREIGN = '''
import pathlib
import mujoco
from neuro_control.simulation.world import World

pathlib.Path(__file__).with_name("was imported").touch()

def pool():
    """A world of its own."""
    return World(mujoco.MjModel.from_xml_string("<mujoco/>"), control_period=0.002)
'''


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """A module of another package, which leaves a file when it is imported."""
    (tmp_path / "my_fish.py").write_text(FOREIGN)
    monkeypatch.syspath_prepend(tmp_path)
    registry.registered_models.cache_clear()
    yield tmp_path / "was imported"
    registry.registered_models.cache_clear()
    sys.modules.pop("my_fish", None)


@pytest.mark.parametrize(
    "name",
    [
        *("os:system", "my_fish:pool", "subprocess:run", "neuro_control.simulation.world:load"),
        *("no.module:f", "neuro_control.swimmer.simulation.tasks:fly", ":", "os:", ":system"),
    ],
)
def test_a_function_that_is_not_registered_is_neither_called_nor_imported(name, foreign):
    with pytest.raises(ConfigurationError, match="is registered: give a file of sim/ or one of"):
        world.load(name, {} if name == "my_fish:pool" else {"command": "true"})
    assert not foreign.exists()


def test_another_package_registers_its_models_by_an_entry_point(foreign, monkeypatch):
    entry = EntryPoint("fish", "my_fish:pool", "neuro_control.models")
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    assert not foreign.exists()
    assert world.load("my_fish:pool").control_period == 0.002
    assert foreign.exists()


def test_what_is_registered_is_there():
    for name in registry.registered_models():
        module, _, function = name.partition(":")
        assert callable(getattr(importlib.import_module(module), function))


def test_a_name_of_an_earlier_release_is_registered_too():
    sys.modules.pop("neuro_control.swimmer.env", None)
    with pytest.warns(FutureWarning, match=r"neuro_control\.swimmer\.env is now"):
        swimmer = world.load("neuro_control.swimmer.env:swim")
    assert swimmer.model.nu == 5


@pytest.mark.parametrize("step", ["nan", "-0.01", "0", "inf"])
def test_a_time_step_that_is_none_is_refused(step, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo leaves a log file where it warns
    path = tmp_path / "pool.xml"
    path.write_text(f'<mujoco><option timestep="{step}"/></mujoco>')
    with pytest.raises(ConfigurationError, match=r"time step is a finite number above 0|compile"):
        world.load(str(path))
