# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Cameras of a quadruped's world: the one at the robot's head, and those for people."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.simulation.model import MESHES
from neuro_control.simulation.rendering import make_renderer


class Camera:
    """A camera of a compiled world.

    The head's picture is for a policy, many times a second on a processor: without the robot's own
    meshes, shadows and multisampling, which take twenty times as long.

    Args:
        model: The world.
        name: Of a camera in it: "head"; or "beside" or any other, for people.
        height: Of the picture, pixels.
        width: Of the picture, pixels.

    Raises:
        ConfigurationError: There is no such camera, or MuJoCo can't render on this machine.
    """

    def __init__(
        self, model: mujoco.MjModel, name: str = "head", height: int = 224, width: int = 224
    ) -> None:
        names = [model.camera(i).name for i in range(model.ncam)]
        if name not in names:
            raise ConfigurationError(f"no camera '{name}': there are {', '.join(names)}")
        self._name = name
        for_people = name != "head"
        quality = model.vis.quality
        kept = quality.shadowsize, quality.offsamples
        if not for_people:
            quality.shadowsize = quality.offsamples = 0
        try:
            self._renderer = make_renderer(model, height, width)
        finally:
            quality.shadowsize, quality.offsamples = kept
        self._option = mujoco.MjvOption()
        self._option.geomgroup[MESHES] = for_people

    def look(self, data: mujoco.MjData) -> NDArray[np.uint8]:
        """Picture of a state, (height, width, 3)."""
        self._renderer.update_scene(data, self._name, self._option)
        picture: NDArray[np.uint8] = self._renderer.render()
        return picture

    def depth(self, data: mujoco.MjData) -> NDArray[np.float32]:
        """Distances of what the pixels show along the camera's axis, (height, width), m.

        Where nothing is in sight, it is the distance to which the camera sees.
        """
        self._renderer.enable_depth_rendering()
        try:
            self._renderer.update_scene(data, self._name, self._option)
            distances: NDArray[np.float32] = self._renderer.render()
        finally:
            self._renderer.disable_depth_rendering()
        return distances

    def close(self) -> None:
        """Release the graphics."""
        self._renderer.close()
