# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Scenarios: which nodes, model and parameters belong together, and what can be done with them.

Each folder of the package whose ``scenario.py`` has ``SCENARIOS`` (by name) offers them,
Gymnasium environments under ``ENVIRONMENTS``, models of the simulation under ``MODELS``, and
commands that belong to no scenario under ``COMMANDS``.
Another package offers a scenario by the entry point

    [options.entry_points]
    neuro_control.scenarios =
        fish = my_package.scenario:FISH

Everything heavy is named as ``module:attribute`` and imported when it is used.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from neuro_control import resources
from neuro_control.errors import ConfigurationError
from neuro_control.folders import folders

GROUP = "neuro_control.scenarios"


@dataclass(frozen=True)
class Scenario:
    """A robot or capability that can be run.

    Attributes:
        summary: One line on what it does.
        config: ROS parameter file: a name in ``config/``, a path, or ``package:file`` for a file
            in another package's share.
        nodes: ``module:Class`` of each node by name, the simulation first; each class takes
            rclpy's node options. The nodes of one of several robots are in a namespace, as
            ``go2/gait_controller`` is.
        summarise: ``module:function`` that turns a recording and the simulation's parameters, with
            those of the other nodes by name under ``nodes``, into metrics by name.
        picture: ``module:function`` that draws a recording into a folder.
        activity: Topic (JointState) of the controller's inner activity, if there is one.
        odometry: Topic of the odometry whose pose is the frame of base_link.
        needs: By metric of the summary: what a run must have for the metric to be a number, to
            follow "needs"; printed where it is not.
        commands: ``module:function`` by verb (evaluate, benchmark, train, …): click commands.
        instruct: ``module:function`` that sets the nodes' parameters, by name, to an instruction,
            and may return a remark; None if the scenario takes no instruction.
        claims: ``module:sequence`` of the claims of the papers that it stands on.
        subjects: ``module:mapping`` of its nodes in the fault matrix, by the node's name.
        seconds: Simulated time of a run by default, s.
    """

    summary: str
    config: str
    nodes: Mapping[str, str]
    summarise: str
    picture: str
    activity: str | None = None
    odometry: str = "ground_truth/odom"
    needs: Mapping[str, str] = field(default_factory=dict)
    commands: Mapping[str, str] = field(default_factory=dict)
    instruct: str | None = None
    claims: str | None = None
    subjects: str | None = None
    seconds: float = 30.0

    def config_file(self) -> Path:
        """Its parameter file.

        Raises:
            ConfigurationError: It is missing.
        """
        package, colon, name = self.config.partition(":")
        if colon:
            return resources.find_shared_file(package, name)
        return resources.find_file("config", self.config)


@dataclass(frozen=True)
class Environment:
    """A Gymnasium environment, registered as ``neuro_control/NAME`` by ``neuro_control.envs``.

    Attributes:
        entry_point: ``module:Class``.
        vector_entry_point: ``module:function`` that makes many at once, if there is a faster way
            than many single ones.
        policy: ``module:function`` that makes the package's own controller for it, as
            ``learning.episodes`` takes policies.
    """

    entry_point: str
    vector_entry_point: str | None = None
    policy: str | None = None


def resolve(name: str) -> Any:
    """Object named ``module:attribute``.

    Raises:
        ConfigurationError: It can't be imported.
    """
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"can't import {name}: {error}") from error


@cache
def discover() -> dict[str, Scenario]:
    """All scenarios of this package and of the installed ones, by name.

    A package that can't be loaded, or offers what is no scenario, costs a warning and itself.
    """
    found: dict[str, Scenario] = {}
    for folder in folders():
        found.update(folder.SCENARIOS)
    own = set(found)
    for entry in entry_points(group=GROUP):
        try:
            scenario = entry.load()
        except Exception as error:  # whatever another package does wrong is its own affair
            problem = f"can't be loaded: {error!r}"
        else:
            if entry.name in own:
                problem = "has the name of one of neuro_control's own: give it another"
            elif isinstance(scenario, Scenario):
                found[entry.name] = scenario
                continue
            else:
                problem = f"is no Scenario but {type(scenario).__name__}"
        logging.getLogger("neuro_control").warning(
            "warning: scenario '%s' (%s) %s", entry.name, entry.value, problem
        )
    return dict(sorted(found.items()))


def find_environment(name: str) -> Environment | None:
    """Environment of this package by its name in Gymnasium; None if it is another's."""
    for folder in folders():
        for each, environment in getattr(folder, "ENVIRONMENTS", {}).items():
            if name.rpartition(":")[2] == f"neuro_control/{each}":
                found: Environment = environment
                return found
    return None


@cache
def other_commands() -> dict[str, dict[str, tuple[str, str]]]:
    """Commands of the folders that belong to no scenario, such as those that make a data set.

    Returns:
        By verb and name: ``module:function``, and one line on what it does.
    """
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for folder in folders():
        for verb, commands in getattr(folder, "COMMANDS", {}).items():
            found.setdefault(verb, {}).update(commands)
    return found


def find_command(verb: str, name: str) -> Any:
    """Command of a verb by its name, imported.

    Raises:
        ConfigurationError: There is none, or it can't be imported.
    """
    scenario = discover().get(name)
    if scenario is not None and verb in scenario.commands:
        return resolve(scenario.commands[verb])
    others = other_commands().get(verb, {})
    if name not in others:
        raise ConfigurationError(f"there is no command {verb} {name}")
    return resolve(others[name][0])


def find_scenario(name: str) -> Scenario:
    """Scenario by name.

    Raises:
        ConfigurationError: There is none; the message lists what there is.
    """
    found = discover()
    if name not in found:
        raise ConfigurationError(f"no scenario '{name}': there are {', '.join(found)}")
    return found[name]
