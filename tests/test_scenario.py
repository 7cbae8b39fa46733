# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How scenarios and environments are found: folders of this package, and other packages."""

import logging
import subprocess
import sys

import pytest

from neuro_control.cli import scenario as scenarios
from neuro_control.errors import ConfigurationError


class Entry:
    """An entry point of another package."""

    def __init__(self, name, loaded):
        self.name, self.value, self._loaded = name, f"other_package:{name}", loaded

    def load(self):
        if isinstance(self._loaded, Exception):
            raise self._loaded
        return self._loaded


@pytest.fixture
def offered(monkeypatch):
    """Lets other packages offer what a test gives; the list of scenarios is made anew."""

    def offer(*entries):
        monkeypatch.setattr(scenarios, "entry_points", lambda group: entries)
        scenarios.discover.cache_clear()

    yield offer
    scenarios.discover.cache_clear()


def mine():
    return scenarios.Scenario("mine", "x.yaml", {}, "a:b", "a:b")


def test_another_packages_scenario_is_found_beside_those_of_this_one(offered):
    scenario = mine()
    offered(Entry("mine", scenario))
    assert scenarios.find_scenario("mine") is scenario
    assert scenarios.find_scenario("swimmer").nodes
    with pytest.raises(ConfigurationError, match=r"no scenario 'fish': there are .*mine.*swimmer"):
        scenarios.find_scenario("fish")


@pytest.mark.parametrize("loaded", [ImportError("gone"), ZeroDivisionError(), "a text"])
def test_a_broken_package_costs_one_warning_and_itself(offered, caplog, loaded):
    scenario = mine()
    offered(Entry("bad", loaded), Entry("mine", scenario))
    with caplog.at_level(logging.WARNING):
        found = scenarios.discover()
    assert "bad" not in found
    assert found["mine"] is scenario
    assert "swimmer" in found
    (record,) = caplog.records
    assert "other_package:bad" in record.getMessage()


def test_no_package_takes_the_place_of_a_scenario_of_this_one(offered, caplog):
    offered(Entry("swimmer", mine()))
    assert scenarios.find_scenario("swimmer").summary != "mine"
    assert "has the name of one of neuro_control's own" in caplog.text


def test_gymnasium_finds_every_environment_by_the_modules_name_without_an_import():
    names = [
        f"neuro_control/{name}"
        for folder in scenarios.folders()
        for name in getattr(folder, "ENVIRONMENTS", {})
    ]
    assert names
    program = (
        f"import gymnasium; [gymnasium.make('neuro_control.envs:' + n).close() for n in {names}]"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
