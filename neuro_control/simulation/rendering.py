# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Animations of recorded episodes, rendered by MuJoCo where the machine can.

Rendering runs in a process of its own: the GL backend must be chosen before MuJoCo is imported,
and a driver that crashes takes only the picture with it.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from ctypes.util import find_library
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuro_control.errors import ConfigurationError
from neuro_control.files import writing

Array = NDArray[np.float64]

PACKAGES = "libegl1 and libgl1-mesa-dri, or libosmesa6"
BACKENDS = ("egl", "osmesa")
_TIMEOUT = 300.0  # s


def choose_gl() -> None:
    """Let MuJoCo draw without a display, unless MUJOCO_GL says how; before it is imported.

    Raises:
        ConfigurationError: The library that would do it is missing.
    """
    chosen = os.environ.get("MUJOCO_GL")
    if chosen not in (None, *BACKENDS):
        return
    for backend, library in zip(BACKENDS, ("EGL", "OSMesa"), strict=True):
        if chosen in (None, backend) and find_library(library):
            os.environ["MUJOCO_GL"] = backend
            return
    tried = f" with MUJOCO_GL={chosen}" if chosen else ""
    raise ConfigurationError(
        f"MuJoCo can't render here{tried}: install {PACKAGES} (Debian and Ubuntu)"
    )


def make_renderer(model: Any, height: int, width: int) -> Any:
    """MuJoCo's renderer of pictures (height, width).

    Where the environment variable MUJOCO_GL names no backend, one that works without a display is
    taken, as the command line does. Either holds even if MuJoCo was imported before, without GL.

    Raises:
        ConfigurationError: This machine, or its environment variable MUJOCO_GL, has no GL.
    """
    import mujoco
    from mujoco.rendering.classic import gl_context

    try:
        # Imported by ``no_gl``, it has none.
        if "MUJOCO_GL" not in os.environ or not hasattr(gl_context, "GLContext"):
            _take_backend()
        return mujoco.Renderer(model, height=height, width=width)
    except Exception as error:  # each backend fails in a way of its own
        raise ConfigurationError(
            f"MuJoCo can't render here ({error}): install {PACKAGES} (Debian and Ubuntu) and set "
            "MUJOCO_GL to egl or osmesa before Python starts"
        ) from error


def _take_backend() -> None:
    """Choose a backend after MuJoCo was imported; where there is none, its own choice stays."""
    from mujoco.rendering.classic import gl_context

    try:
        choose_gl()
    except ConfigurationError:
        return
    backend = importlib.import_module(f"mujoco.{os.environ['MUJOCO_GL']}")
    gl_context.GLContext = backend.GLContext


@contextmanager
def no_gl() -> Iterator[None]:
    """Keep MuJoCo from loading GL where nothing is drawn.

    Without a driver its import fails; and by default it asks another interpreter for the library's
    version, which costs time and answers Ctrl-C with a traceback of its own.
    """
    chosen = os.environ.get("MUJOCO_GL")
    os.environ["MUJOCO_GL"] = "disable"
    try:
        yield
    finally:
        if chosen is None:
            del os.environ["MUJOCO_GL"]
        else:
            os.environ["MUJOCO_GL"] = chosen


def save_animation(path: Path, frames: Iterable[NDArray[np.uint8]], period: float) -> None:
    """Write frames (height, width, 3) as an endless GIF, ``period`` seconds each."""
    pictures = [
        Image.fromarray(frame).quantize(colors=64, method=Image.Quantize.MEDIANCUT)
        for frame in frames
    ]
    with writing(path) as part, part.open("wb") as file:
        pictures[0].save(
            file,
            format="GIF",
            save_all=True,
            append_images=pictures[1:],
            duration=round(period * 1000),
            loop=0,
        )


def animate(
    path: Path,
    model: str,
    arguments: Mapping[str, object],
    qpos: Array,
    period: float,
    camera: str,
    fallback: Callable[[], Iterable[NDArray[np.uint8]]],
) -> list[str]:
    """Animate the states ``qpos`` (frames, nq), ``period`` seconds apart, into the GIF ``path``.

    Args:
        path: File to write.
        model: Name of the world, as ``world.load`` takes it.
        arguments: Its arguments.
        qpos: States to show.
        period: Time between two of them, s.
        camera: Name of the model's camera.
        fallback: Draws the frames another way, where MuJoCo can't render.

    Returns:
        Nothing, or a remark for the user on why the pictures are plain.
    """
    chosen = os.environ.get("MUJOCO_GL")
    for backend in (chosen,) if chosen else BACKENDS:
        job = {
            "path": str(path),
            "model": model,
            "arguments": dict(arguments),
            "period": period,
            "camera": camera,
        }
        try:
            done = subprocess.run(
                [sys.executable, "-m", "neuro_control.simulation.rendering", json.dumps(job)],
                input=np.ascontiguousarray(qpos).tobytes(),
                capture_output=True,
                env={**os.environ, "MUJOCO_GL": backend},
                timeout=_TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            continue
        if done.returncode == 0:
            return []
    save_animation(path, fallback(), period)
    tried = f" with MUJOCO_GL={chosen}" if chosen else ""
    remark = (
        f"{path.name} is drawn with matplotlib, since MuJoCo can't render here{tried}: "
        f"on Debian and Ubuntu install {PACKAGES}"
    )
    return [remark]


def _render(job: Mapping[str, Any], states: Array) -> Iterable[NDArray[np.uint8]]:
    import mujoco

    from neuro_control.simulation import world as worlds

    world = worlds.load(job["model"], job["arguments"])
    data = mujoco.MjData(world.model)
    world.reset(data, np.random.default_rng(0))
    with make_renderer(world.model, height=270, width=480) as renderer:
        for qpos in states.reshape(-1, world.model.nq):
            data.qpos[:] = qpos
            mujoco.mj_forward(world.model, data)
            renderer.update_scene(data, job["camera"])
            yield renderer.render()


def _main() -> None:
    job = json.loads(sys.argv[1])
    states = np.frombuffer(sys.stdin.buffer.read())
    save_animation(Path(job["path"]), _render(job, states), job["period"])


if __name__ == "__main__":
    _main()
