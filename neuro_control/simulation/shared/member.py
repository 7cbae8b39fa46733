# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A robot of a world of several: its own model beside the common one, and where each lies in it.

A robot's start, its motors' electronics and its sensors' noise know the robot's own model alone.
They go on working on that, on a state of its own; what they make of it is carried over to the
common model, and what the common physics makes of that is carried back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.simulation.active_effects import Electronics
from neuro_control.simulation.world import World

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# How far from a multiple of its period a time may be, as a part of it, to count as one.
_SLACK = 1e-3
# Fields of a model begin with what they are of, and are of these counts.
_KINDS = {
    "body_": "nbody", "jnt_": "njnt", "dof_": "nv", "geom_": "ngeom", "site_": "nsite",
    "actuator_": "nu", "sensor_": "nsensor",
}  # fmt: skip
_FREE, _BALL = int(mujoco.mjtJoint.mjJNT_FREE), int(mujoco.mjtJoint.mjJNT_BALL)
# Numbers of positions and of speeds that a joint has.
_SIZES = {_FREE: (7, 6), _BALL: (4, 3)}


class Member:
    """One robot of a world of several.

    Args:
        name: Its name, which goes before all of its names in the common model.
        world: Its own world.
        at: Where it starts in the common world, beyond where it starts in its own, (3,), m.

    Attributes:
        name: The same.
        world: The same.
        at: The same.
        prefix: What goes before its names in the common model and before its topics.
        electronics: Of the present episode.
    """

    electronics: Electronics

    def __init__(self, name: str, world: World, at: Array) -> None:
        self.name, self.world, self.prefix = name, world, f"{name}/"
        self._model, self._data = world.model, mujoco.MjData(world.model)
        self.at = at
        self._rng = np.random.default_rng()
        # What an episode may change of the model, as it was compiled.
        self._fields = {
            field: getattr(self._model, field).copy() for field in _number_fields(self._model)
        }

    @property
    def free(self) -> bool:
        """Whether a free joint holds it in space."""
        return _FREE in self._model.jnt_type.tolist()

    def join(self, common: mujoco.MjModel) -> None:
        """Find out where everything of the robot lies in the common model.

        Raises:
            ConfigurationError: Something has no name there.
        """
        mine = self._model
        bodies, joints = self._bodies(common), self._joints(common)
        self._of: dict[str, tuple[Indices, Indices]] = {
            "body_": bodies,
            "jnt_": joints,
            "geom_": _within(bodies, mine.body_geomadr, mine.body_geomnum, common.body_geomadr),
            "actuator_": self._named(common, mujoco.mjtObj.mjOBJ_ACTUATOR, mine.nu),
            "sensor_": self._named(common, mujoco.mjtObj.mjOBJ_SENSOR, mine.nsensor),
            "site_": self._named(common, mujoco.mjtObj.mjOBJ_SITE, mine.nsite),
        }
        kinds = mine.jnt_type[joints[0]]
        self._qpos = _spans(joints, mine.jnt_qposadr, common.jnt_qposadr, _sizes(kinds, 0))
        self._dofs = _spans(joints, mine.jnt_dofadr, common.jnt_dofadr, _sizes(kinds, 1))
        self._of["dof_"] = self._dofs
        sensors, actuators = self._of["sensor_"], self._of["actuator_"]
        self._readings = _spans(
            sensors, mine.sensor_adr, common.sensor_adr, mine.sensor_dim[sensors[0]]
        )
        self._activations = _spans(
            actuators, mine.actuator_actadr, common.actuator_actadr,
            mine.actuator_actnum[actuators[0]],
        )  # fmt: skip
        # Free joints have places in the world; all others have them in their parents.
        free = joints[1][kinds == _FREE]
        self._places = [int(common.jnt_qposadr[joint]) for joint in free]

    def _bodies(self, common: mujoco.MjModel) -> tuple[Indices, Indices]:
        """Its bodies in both models; the world itself is nobody's."""
        own = np.arange(1, self._model.nbody)
        found = [
            mujoco.mj_name2id(
                common, mujoco.mjtObj.mjOBJ_BODY, self.prefix + self._model.body(int(b)).name
            )
            for b in own
        ]
        known = np.array(found) >= 0
        return own[known], np.array(found)[known]

    def _joints(self, common: mujoco.MjModel) -> tuple[Indices, Indices]:
        bodies = self._bodies(common)
        mine = self._model
        return _within(bodies, mine.body_jntadr, mine.body_jntnum, common.body_jntadr)

    def _named(
        self, common: mujoco.MjModel, kind: mujoco.mjtObj, count: int
    ) -> tuple[Indices, Indices]:
        names = [mujoco.mj_id2name(self._model, kind, index) for index in range(count)]
        found = [mujoco.mj_name2id(common, kind, f"{self.prefix}{name}") for name in names]
        if any(index < 0 or not name for name, index in zip(names, found, strict=True)):
            raise ConfigurationError(
                f"the robot '{self.name}' has a motor, sensor or site without a name: in a world "
                "of several robots each needs one"
            )
        return np.arange(count), np.array(found, dtype=np.intp)

    # An episode.

    def begin(self, common: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """Put the robot at its start in the common state, and change the model as it asks for."""
        self._rng = rng
        mujoco.mj_resetData(self._model, self._data)
        self.world.initialise(self._model, self._data, rng)
        for own, theirs, target in (
            (self._data.qpos, data.qpos, self._qpos),
            (self._data.qvel, data.qvel, self._dofs),
            (self._data.act, data.act, self._activations),
            (self._data.ctrl, data.ctrl, self._of["actuator_"]),
        ):
            theirs[target[1]] = own[target[0]]
        for place in self._places:
            data.qpos[place : place + 3] += self.at
        self._change(common)

    def _change(self, common: mujoco.MjModel) -> None:
        """Carry over what is otherwise than it was compiled."""
        for field, compiled in self._fields.items():
            now = getattr(self._model, field)
            if np.array_equal(now, compiled):
                continue
            own, theirs = self._of[next(kind for kind in self._of if field.startswith(kind))]
            changed = np.any((now != compiled).reshape(len(now), -1), axis=1)[own]
            getattr(common, field)[theirs[changed]] = now[own[changed]]

    def equip(self) -> None:
        """Make the electronics of the episode."""
        self.electronics = self.world.electronics(self._model, self._rng)

    def due(self, time: float) -> bool:
        """Whether it is observed at a time, s."""
        periods = time / self.world.control_period
        return abs(periods - round(periods)) < _SLACK

    def drive(self, data: mujoco.MjData, command: Array) -> None:
        """Let its motors' electronics act on a command (nu,) of all robots; NaN is no command."""
        own, theirs = self._of["actuator_"]
        part = np.empty(self._model.nu)
        part[own] = command[theirs]
        if np.isnan(part).any():
            return
        self._pull(data)
        self.electronics.drive(self._data, part)
        data.ctrl[theirs] = self._data.ctrl[own]
        self._push_forces(data)

    def observe(self, data: mujoco.MjData) -> None:
        """Let its sensors measure."""
        self._pull(data)
        self.electronics.observe(self._data)
        own, theirs = self._readings
        data.sensordata[theirs] = self._data.sensordata[own]
        self._push_forces(data)

    def _push_forces(self, data: mujoco.MjData) -> None:
        """Carry over forces by which its weather or electronics act on it."""
        (here, there), (own, theirs) = self._dofs, self._of["body_"]
        data.qfrc_applied[there] = self._data.qfrc_applied[here]
        data.xfrc_applied[theirs] = self._data.xfrc_applied[own]

    @property
    def wind(self) -> Array:
        """Wind that its weather brings, (3,), m/s."""
        wind: Array = self._model.opt.wind
        return wind

    def _pull(self, data: mujoco.MjData) -> None:
        """Take over the common state."""
        mine = self._data
        mine.time = data.time
        for own, theirs, (here, there) in (
            (mine.qpos, data.qpos, self._qpos),
            (mine.qvel, data.qvel, self._dofs),
            (mine.act, data.act, self._activations),
            (mine.ctrl, data.ctrl, self._of["actuator_"]),
            (mine.sensordata, data.sensordata, self._readings),
        ):
            own[here] = theirs[there]


def _number_fields(model: mujoco.MjModel) -> Iterator[str]:
    """Fields of numbers that a model has for each body, joint and so on."""
    for name in dir(model):
        count = next((n for kind, n in _KINDS.items() if name.startswith(kind)), None)
        value: Any = None if count is None else getattr(model, name)
        numbers = isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim > 0
        if numbers and len(value) == getattr(model, str(count)):
            yield name


def _within(
    bodies: tuple[Indices, Indices], mine: Array, count: Array, theirs: Array
) -> tuple[Indices, Indices]:
    """What belongs to bodies, in both models: each body's are in one order."""
    pairs = [
        (int(mine[own]) + k, int(theirs[other]) + k)
        for own, other in zip(*bodies, strict=True)
        for k in range(int(count[own]))
    ]
    found = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _spans(
    indices: tuple[Indices, Indices], mine: Array, theirs: Array, sizes: Array
) -> tuple[Indices, Indices]:
    """Where the numbers of joints, sensors or motors lie in a state, in both models."""
    pairs = [
        (int(mine[own]) + k, int(theirs[other]) + k)
        for own, other, size in zip(*indices, np.asarray(sizes).tolist(), strict=True)
        for k in range(int(size))
    ]
    found = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _sizes(kinds: Array, which: int) -> Array:
    """Numbers of positions (0) or speeds (1) of joints of those kinds."""
    return np.array([_SIZES.get(int(kind), (1, 1))[which] for kind in kinds], dtype=np.intp)
