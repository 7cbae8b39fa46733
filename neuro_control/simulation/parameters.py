# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the simulation node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neuro_control.errors import ConfigurationError
from neuro_control.ros.parameters import parameter
from neuro_control.ros.ros2_control.groups import GroupParameters
from neuro_control.simulation.failure_injection import InjectionParameters
from neuro_control.yaml_text import read_yaml


@dataclass(frozen=True)
class SimulationParameters(InjectionParameters, GroupParameters):
    """Parameters of the simulation node."""

    model: str = parameter(
        "swimmer.xml",
        "Model: a file of sim/, a path, or package.module:function of a World that is registered",
        fixed=True,
    )
    model_arguments: str = parameter(
        "{}", "Arguments of that function, as a YAML mapping", fixed=True
    )
    effects: str = parameter(
        "[]",
        "Noise, faults, pushes and the like, as a YAML list: [{push: {begins: 3, force: 100}}]; "
        "docs/effects.md names them all",
        fixed=True,
    )
    seed: int = parameter(0, "Seed of an episode's start; every reset uses it", low=0, high=2**31)
    lockstep: bool = parameter(
        True, "Wait for the command that answers each observation", fixed=True
    )
    real_time_factor: float = parameter(
        1.0, "Simulated per wall time when not in lockstep", low=0.01, high=100.0
    )
    observation_period: float = parameter(
        0.0, "Time between two observations, s; 0 takes the model's", low=0.0, high=10.0, fixed=True
    )
    lockstep_timeout: float = parameter(
        2.0, "Wall time without an answer before diagnostics say so, s", low=0.1, high=600.0
    )
    lockstep_limit: float = parameter(
        0.0, "Wall time without an answer that ends the run, s; 0 waits on", low=0.0, high=1e6
    )
    command_timeout: float = parameter(
        0.2, "Age from which a command moves nothing when not in lockstep, s", low=1e-3, high=60.0
    )
    brake_damping: float = parameter(
        0.0,
        "Damping of motors from that age on, as motors' own electronics brake, N m s/rad or N s/m",
        low=0.0,
        high=100.0,
    )
    duration: float = parameter(
        0.0, "Simulated time after which the run ends, s; 0 runs on", low=0.0, high=1e6
    )
    recording: str = parameter(
        "",
        "File (.npz) that receives every state of the episode at the end; empty records nothing",
        fixed=True,
    )
    camera_rate: float = parameter(
        0.0,
        "Images per second of each camera that somebody subscribes to; 0 publishes none",
        low=0.0,
        high=1000.0,
        fixed=True,
    )
    camera_width: int = parameter(
        224, "Width of the cameras' images, pixels", low=8, high=4096, fixed=True
    )
    camera_height: int = parameter(
        224, "Height of the cameras' images, pixels", low=8, high=4096, fixed=True
    )
    camera_visuals: bool = parameter(
        False,
        "Draw shadows, smooth edges and the geoms of group 2, by convention visual meshes: for "
        "people",
        fixed=True,
    )
    odometry: bool = parameter(
        True, "Publish ground-truth odometry of the site base_link", fixed=True
    )
    odometry_topic: str = parameter(
        "ground_truth/odom",
        "Topic of the ground-truth odometry; odom where the simulation stands in for the robot's "
        "own estimator",
        fixed=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.group_controllers and self.lockstep:
            raise ConfigurationError(
                "commands of group_controllers carry no stamp: set lockstep to false"
            )

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of the world's function.

        Raises:
            ConfigurationError: ``model_arguments`` is no mapping.
        """
        arguments = read_yaml(self.model_arguments, "model_arguments") or {}
        if not isinstance(arguments, dict):
            raise ConfigurationError(
                f"model_arguments is a mapping like 'links: 6', not {self.model_arguments!r}"
            )
        return arguments
