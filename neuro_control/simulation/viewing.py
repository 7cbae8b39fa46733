"""What environments share of rendering: their render modes, and MuJoCo's window for "human"."""

from __future__ import annotations

import time
import warnings

import mujoco

from neuro_control.errors import ConfigurationError

RENDER_MODES = ("human", "rgb_array")
_REFRESH = 1 / 60  # s of simulated time between two refreshes of the window


def check_render_mode(mode: str | None) -> None:
    """Refuse a render mode that environments do not have, with a ConfigurationError."""
    if mode is not None and mode not in RENDER_MODES:
        raise ConfigurationError(f"render_mode is None, 'human' or 'rgb_array', not {mode!r}")


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
