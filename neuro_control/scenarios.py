"""Scenarios: which nodes, model and parameters belong together, and what can be done with them.

Found through the entry points ``neuro_control.scenarios``, so that another package adds one by

    [options.entry_points]
    neuro_control.scenarios =
        fish = my_package.scenario:FISH

Everything heavy is named as ``module:attribute`` and imported when it is used.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from neuro_control import resources
from neuro_control.errors import ConfigurationError

GROUP = "neuro_control.scenarios"


@dataclass(frozen=True)
class Scenario:
    """A robot or capability that can be run.

    Attributes:
        summary: One line on what it does.
        config: ROS parameter file: a name in ``config/``, a path, or ``package:file`` for a file
            in another package's share.
        nodes: ``module:Class`` of each node by name, the simulation first; each class takes
            rclpy's node options.
        summarise: ``module:function`` that turns a recording and the simulation's parameters, with
            those of the other nodes by name under ``nodes``, into figures of merit.
        picture: ``module:function`` that draws a recording into a folder.
        activity: Topic (JointState) of what goes on inside the controller, if there is one.
        commands: ``module:function`` by verb (evaluate, benchmark, train, …): click commands.
        seconds: Simulated time that a run takes if not told otherwise, s.
    """

    summary: str
    config: str
    nodes: Mapping[str, str]
    summarise: str
    picture: str
    activity: str | None = None
    commands: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 30.0

    def config_file(self) -> Path:
        """Its parameter file.

        Raises:
            ConfigurationError: It is missing.
        """
        package, colon, name = self.config.partition(":")
        if colon:
            return resources.find_shared(package, name)
        return resources.find("config", self.config)


SWIMMER = Scenario(
    summary="a C. elegans circuit (NCAP) swims dm_control's swimmer",
    config="swimmer.yaml",
    nodes={
        "simulation": "neuro_control.ros.simulation:Simulation",
        "swimmer_controller": "neuro_control.swimmer.node:SwimmerController",
    },
    summarise="neuro_control.swimmer.report:summary",
    picture="neuro_control.swimmer.report:pictures",
    activity="swimmer_controller/activity",
    commands={
        "evaluate": "neuro_control.swimmer.evaluate:evaluate",
        "benchmark": "neuro_control.swimmer.benchmark:benchmark",
        "train": "neuro_control.swimmer.train:command",
        "experiment": "neuro_control.swimmer.experiments:experiment",
        "calibrate": "neuro_control.swimmer.calibrate:command",
    },
)

SWIMMER_SQUARE = Scenario(
    summary="the same circuit, steered by cmd_vel, swims a square",
    config="swimmer_square.yaml",
    nodes={
        **SWIMMER.nodes,
        "swimmer_navigator": "neuro_control.swimmer.navigator:SwimmerNavigator",
    },
    summarise="neuro_control.swimmer.report:square_summary",
    picture="neuro_control.swimmer.report:square_pictures",
    activity="swimmer_controller/activity",
)

BLIMP = Scenario(
    summary="an evolved spiking network holds a blimp's altitude, as a PID does",
    config="blimp.yaml",
    nodes={
        "simulation": "neuro_control.ros.simulation:Simulation",
        "blimp_altitude": "neuro_control.blimp.node:BlimpAltitude",
    },
    summarise="neuro_control.blimp.report:summary",
    picture="neuro_control.blimp.report:pictures",
    activity="blimp_altitude/activity",
    commands={
        "evaluate": "neuro_control.blimp.evaluate:evaluate",
        "benchmark": "neuro_control.blimp.benchmark:benchmark",
        "evolve": "neuro_control.blimp.evolve:command",
        "experiment": "neuro_control.blimp.experiments:experiment",
        "train": "neuro_control.blimp.gradient:command",
        "tune": "neuro_control.blimp.tune:command",
    },
    seconds=210.0,
)


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


PLACES = Scenario(
    summary="ensembles of spiking experts say where a camera is along a route",
    config="places.yaml",
    nodes={
        "player": "neuro_control.places.player:Player",
        "place_recognizer": "neuro_control.places.node:PlaceRecognizer",
    },
    summarise="neuro_control.places.report:summary",
    picture="neuro_control.places.report:pictures",
    commands={
        "train": "neuro_control.places.train:command",
        "evaluate": "neuro_control.places.evaluate:evaluate",
        "benchmark": "neuro_control.places.benchmark:benchmark",
        "experiment": "neuro_control.places.experiments:experiment",
        "render": "neuro_control.places.render:render",
    },
    seconds=0.0,
)

QUADRUPED = Scenario(
    summary="a gait layer walks a Unitree Go2 or Go1 as told",
    config="quadruped.yaml",
    nodes={
        "simulation": "neuro_control.ros.simulation:Simulation",
        "gait_controller": "neuro_control.quadruped.node:GaitController",
    },
    summarise="neuro_control.quadruped.report:summary",
    picture="neuro_control.quadruped.report:pictures",
    activity="gait_controller/activity",
    commands={
        "evaluate": "neuro_control.quadruped.evaluate:evaluate",
        "benchmark": "neuro_control.quadruped.benchmark:benchmark",
        "experiment": "neuro_control.quadruped.experiments:experiment",
        "render": "neuro_control.quadruped.render:render",
    },
    seconds=30.0,
)


def discover() -> dict[str, Scenario]:
    """All scenarios of the installed packages, by name.

    Raises:
        ConfigurationError: A package offers something that is no scenario.
    """
    found: dict[str, Scenario] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            scenario = entry.load()
        except (ImportError, AttributeError) as error:
            raise ConfigurationError(
                f"scenario '{entry.name}' ({entry.value}) can't be loaded: {error}"
            ) from error
        if not isinstance(scenario, Scenario):
            raise ConfigurationError(f"{entry.value} is no Scenario but {type(scenario).__name__}")
        found[entry.name] = scenario
    return found


def find(name: str) -> Scenario:
    """Scenario by name.

    Raises:
        ConfigurationError: There is none; the message lists what there is.
    """
    found = discover()
    if name not in found:
        raise ConfigurationError(f"no scenario '{name}': there are {', '.join(found)}")
    return found[name]
