# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The view as a ROS 2 node: whatever is published in a domain, in Rerun or served to Foxglove."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuro_control.bags.listener import Listener, ListenerParameters
from neuro_control.bags.sinks import Sink
from neuro_control.bags.thinning import Thinned
from neuro_control.files import read_text
from neuro_control.limits import MAX_YAML_BYTES
from neuro_control.ros.parameters import parameter
from neuro_control.ros.process import run_node
from neuro_control.viewing.foxglove_server import PORT, FoxgloveServer
from neuro_control.viewing.rerun_view import SHOWN_IN, RerunView
from neuro_control.yaml_text import read_yaml

_SIMULATION = "simulation"


@dataclass(frozen=True)
class ViewerParameters(ListenerParameters):
    """Parameters of the viewer."""

    viewer: str = parameter(
        "rerun", "What shows it: rerun or foxglove", choices=("rerun", "foxglove"), fixed=True
    )
    view_in: str = parameter(
        "auto",
        "Where Rerun shows it; auto is the window where there is a display, else the browser",
        choices=SHOWN_IN,
        fixed=True,
    )
    file: str = parameter("", "File that keeps what Rerun shows, NAME.rrd; or empty", fixed=True)
    port: int = parameter(PORT, "Port at which Foxglove connects", low=1024, high=65535, fixed=True)
    spacing: float = parameter(
        0.04,
        "Smallest time between two messages of a stream that are shown, s",
        low=0.0,
        high=10.0,
        fixed=True,
    )
    params_file: str = parameter(
        "",
        "ROS parameter file whose node simulation has the model of the robot's body; or empty",
        fixed=True,
    )
    model: str = parameter(
        "",
        "Model of the robot's body, in place of that file's; without any none is shown",
        fixed=True,
    )
    model_arguments: str = parameter(
        "", "Arguments of the model, as a YAML mapping, in place of that file's", fixed=True
    )
    seed: int = parameter(0, "Seed of the episode", low=0, high=2**31, fixed=True)


class Viewer(Listener[ViewerParameters]):
    """Shows what others publish.

    Args:
        name: Name of the node.
        node_options: Passed on to the rclpy node.

    Raises:
        ConfigurationError: A parameter is wrong, or what shows it is not installed.
    """

    def __init__(self, name: str = "viewer", **node_options: Any) -> None:
        super().__init__(name, ViewerParameters, "viewer", **node_options)

    def make_sink(self) -> Sink:
        """Rerun, or the server for Foxglove."""
        p = self.parameters
        simulation = _simulation(Path(p.params_file).expanduser()) if p.params_file else {}
        model = p.model or str(simulation.get("model", ""))
        text = p.model_arguments or str(simulation.get("model_arguments", "{}"))
        arguments = read_yaml(text, "model_arguments") or {}
        title = p.scenario or "neuro_control"
        if p.viewer == "foxglove":
            return Thinned(FoxgloveServer(model, arguments, p.seed, p.port, title), p.spacing)
        file = str(Path(p.file).expanduser().resolve()) if p.file else None
        return Thinned(RerunView(model, arguments, p.seed, file, p.view_in, title), p.spacing)


def _simulation(path: Path) -> dict[str, Any]:
    """Parameters of the node simulation in a ROS parameter file; none if it has no such node."""
    text = read_text(path, MAX_YAML_BYTES, "the parameter file")
    content = read_yaml(text, f"the parameter file {path}")
    for name, entry in content.items() if isinstance(content, dict) else ():
        values = entry.get("ros__parameters") if isinstance(entry, dict) else None
        if str(name).rpartition("/")[2] == _SIMULATION and isinstance(values, dict):
            return values
    return {}


def main() -> None:
    """Run the node: the executable viewer."""
    run_node(Viewer)
