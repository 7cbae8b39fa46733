# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What environments share of rendering: their render modes, and MuJoCo's window for "human"."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any, Protocol

import mujoco

from neuro_control.errors import ConfigurationError
from neuro_control.simulation.rendering import make_renderer

RENDER_MODES = ("human", "rgb_array")
_REFRESH = 1 / 60  # s of simulated time between two refreshes of the window


class Window:
    """MuJoCo's viewer of an episode that somebody else simulates, in real time at the fastest.

    It shows a copy, so that looking at an episode does not change it.

    Args:
        model: The model.
        data: Its state, which ``show`` copies.

    Raises:
        ConfigurationError: There is no display.
    """

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        import glfw
        import mujoco.viewer

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            display = glfw.init()
        if not display:
            raise ConfigurationError(
                "render_mode 'human' opens MuJoCo's viewer, which needs a display: "
                "'rgb_array' does without"
            )
        self._model, self._data = model, data
        self._shown = mujoco.MjData(model)
        mujoco.mj_copyData(self._shown, model, data)
        self._viewer = mujoco.viewer.launch_passive(model, self._shown)
        self._restart()

    def _restart(self) -> None:
        self._due = self._begin = float(self._data.time)
        self._wall = time.monotonic()

    def show(self) -> None:
        """Show the present state if a refresh is due; does nothing once the window is closed."""
        now = float(self._data.time)
        if now < self._begin:  # another episode
            self._restart()
        if now < self._due or not self._viewer.is_running():
            return
        self._due = now + _REFRESH
        ahead = (now - self._begin) - (time.monotonic() - self._wall)
        if ahead > 0.0:
            time.sleep(ahead)
        with self._viewer.lock():
            mujoco.mj_copyData(self._shown, self._model, self._data)
        self._viewer.sync()

    def close(self) -> None:
        """Close the window."""
        self._viewer.close()


class Looking(Protocol):
    """A camera of a model, as ``View`` uses it."""

    def look(self, data: mujoco.MjData) -> Any:
        """Picture of a state, (height, width, 3) uint8."""

    def close(self) -> None:
        """Release the graphics."""


class Camera:
    """A camera of a model.

    Args:
        model: The model.
        name: Name of its camera.
        height: Height of the picture, pixels.
        width: Width of the picture, pixels.

    Raises:
        ConfigurationError: MuJoCo can't render on this machine.
    """

    def __init__(self, model: mujoco.MjModel, name: str, height: int, width: int) -> None:
        self._name = name
        self._renderer = make_renderer(model, height, width)

    def look(self, data: mujoco.MjData) -> Any:
        """Picture of a state, (height, width, 3) uint8."""
        self._renderer.update_scene(data, self._name)
        return self._renderer.render()

    def close(self) -> None:
        """Release the graphics."""
        self._renderer.close()


class View:
    """What an environment shows of an episode, by its render mode.

    Args:
        mode: None, "human" or "rgb_array".
        model: The model.
        data: Its state.
        make_camera: Makes the camera of "rgb_array" when the first picture is taken.

    Raises:
        ConfigurationError: There is no such mode.
    """

    def __init__(
        self,
        mode: str | None,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        make_camera: Callable[[], Looking],
    ) -> None:
        if mode is not None and mode not in RENDER_MODES:
            raise ConfigurationError(f"render_mode is None, 'human' or 'rgb_array', not {mode!r}")
        self._mode, self._model, self._data = mode, model, data
        self._make_camera = make_camera
        self._camera: Looking | None = None
        self._window: Window | None = None

    def show(self) -> None:
        """Bring the viewer's window up to date, in the mode "human"."""
        if self._mode != "human":
            return
        if self._window is None:
            self._window = Window(self._model, self._data)
        self._window.show()

    def picture(self) -> Any:
        """Picture (height, width, 3) uint8 in the mode "rgb_array", otherwise None."""
        if self._mode != "rgb_array":
            return None
        if self._camera is None:
            self._camera = self._make_camera()
        return self._camera.look(self._data)

    def close(self) -> None:
        """Release camera and window."""
        for view in (self._camera, self._window):
            if view is not None:
                view.close()
        self._camera = self._window = None
