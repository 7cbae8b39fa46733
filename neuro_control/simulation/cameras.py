# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A world's cameras, rendered in a process of its own.

The GL backend must be chosen before MuJoCo is imported, a driver that crashes takes only the
pictures with it, and a simulation that keeps real time goes on while a picture is drawn.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from typing import IO, Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.simulation import world as worlds
from neuro_control.simulation.rendering import BACKENDS, PACKAGES, make_renderer

# Camera, number and seed of the episode.
_HEADER = np.dtype(np.int64), 3
_STATE = mujoco.mjtState.mjSTATE_INTEGRATION
# Largest pipe that Linux gives to any user by default, bytes.
_PIPE_LIMIT = 1 << 20
# By convention, the group of the visual meshes.
_VISUALS = 2


class Cameras:
    """Pictures of a world, asked for and fetched one after another.

    Args:
        model: Name of the world, as ``world.load`` takes it.
        arguments: Arguments of the world.
        names: Names of its cameras.
        height: Height of a picture, pixels.
        width: Width of a picture, pixels.
        visuals: Whether shadows, visual meshes (geoms of group 2) and smooth edges are drawn.
    """

    def __init__(
        self,
        model: str,
        arguments: Mapping[str, object],
        names: Sequence[str],
        height: int,
        width: int,
        visuals: bool,
    ) -> None:
        self._job = json.dumps(
            {
                "model": model,
                "arguments": dict(arguments),
                "names": list(names),
                "size": [height, width],
                "visuals": visuals,
            }
        )
        self._shape = height, width, 3
        chosen = os.environ.get("MUJOCO_GL", "disable")
        self._backends = deque(BACKENDS if chosen == "disable" else (chosen,))
        self._child: subprocess.Popen[bytes] | None = None
        self._asked: deque[bytes] = deque()
        self._read = bytearray()

    @property
    def pending(self) -> int:
        """How many pictures have been asked for and not fetched."""
        return len(self._asked)

    def ask(
        self, camera: int, model: mujoco.MjModel, data: mujoco.MjData, episode: int, seed: int
    ) -> None:
        """Ask for what a camera sees now.

        Args:
            camera: Index of the camera among the names.
            model: Model of the world.
            data: State of the world.
            episode: Number of the episode. A new one is started from the seed, since a world may
                set up its model for each.
            seed: Seed of the episode.
        """
        state = np.empty(mujoco.mj_stateSize(model, _STATE))
        mujoco.mj_getState(model, data, state, _STATE)
        request = np.array([camera, episode, seed]).tobytes() + state.tobytes()
        self._asked.append(request)
        if self._child is None:
            self._start()
        else:
            self._send(request)

    def fetch(self, wait: bool) -> NDArray[np.uint8] | None:
        """The oldest picture that was asked for, (height, width, 3), or None while it is drawn.

        Args:
            wait: Whether to wait for the picture.

        Raises:
            ConfigurationError: Nothing can be rendered on this machine.
        """
        size = int(np.prod(self._shape))
        while self._asked and len(self._read) < size:
            assert self._child is not None
            assert self._child.stdout is not None
            source = self._child.stdout.fileno()
            if not wait and not select.select([source], [], [], 0)[0]:
                return None
            piece = os.read(source, size - len(self._read))
            self._read += piece
            if not piece:
                self._start()
        if not self._asked:
            return None
        self._asked.popleft()
        picture = np.frombuffer(bytes(self._read), dtype=np.uint8).reshape(self._shape)
        self._read.clear()
        return picture

    def _start(self) -> None:
        """Start with the next backend, and ask again for what is missing."""
        self.close()
        if not self._backends:
            raise ConfigurationError(
                f"the cameras can't be rendered here: install {PACKAGES} (Debian and Ubuntu)"
            )
        self._read.clear()
        self._child = subprocess.Popen(
            [sys.executable, "-m", "neuro_control.simulation.cameras", self._job],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A whole picture at once: two processes that take turns at each piece of one are slow.
            pipesize=min(int(np.prod(self._shape)), _PIPE_LIMIT),
            env={**os.environ, "MUJOCO_GL": self._backends.popleft()},
            # Ctrl-C on the terminal is for this process.
            start_new_session=True,
        )
        for request in self._asked:
            self._send(request)

    def _send(self, request: bytes) -> None:
        assert self._child is not None
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(request)
            self._child.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, as fetch finds out

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None


def _draw(job: Mapping[str, Any], requests: IO[bytes], pictures: IO[bytes]) -> None:
    """Answer requests until there are no more."""
    world = worlds.load(job["model"], job["arguments"])
    model, data = world.model, mujoco.MjData(world.model)
    if not job["visuals"]:
        # Smooth edges are for people, too: they take two thirds of the time of a picture.
        model.vis.quality.offsamples = 0
    kind, count = _HEADER
    header_size = kind.itemsize * count
    size = header_size + 8 * mujoco.mj_stateSize(model, _STATE)
    option = mujoco.MjvOption()
    option.geomgroup[_VISUALS] = job["visuals"]
    current = None
    with make_renderer(model, *job["size"]) as renderer:
        while len(request := requests.read(size)) == size:
            camera, episode, seed = np.frombuffer(request[:header_size], kind).tolist()
            if episode != current:
                world.reset(data, np.random.default_rng(seed))
                current = episode
            mujoco.mj_setState(model, data, np.frombuffer(request[header_size:]), _STATE)
            mujoco.mj_fwdPosition(model, data)
            renderer.update_scene(data, job["names"][camera], option)
            renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = job["visuals"]
            pictures.write(renderer.render().tobytes())
            pictures.flush()


def _main() -> None:
    # What drivers print must not come among the pictures.
    pictures = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        _draw(json.loads(sys.argv[1]), sys.stdin.buffer, pictures)
    except (ConfigurationError, BrokenPipeError):
        raise SystemExit(1) from None


if __name__ == "__main__":
    _main()
