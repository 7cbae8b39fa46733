# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What of a MuJoCo model effects act on: sensors, motors and bodies, by their names."""

from __future__ import annotations

import mujoco
import numpy as np

from neuro_control.errors import ConfigurationError
from neuro_control.simulation.effects import (
    Density,
    Effect,
    Friction,
    Loss,
    Payload,
    Push,
    SensorEffect,
    SoftGround,
    Wind,
)
from neuro_control.simulation.signals import Parts

# By convention each model carries a site of this name whose axes follow REP 103
# (x forward, y left, z up); odometry is that site's.
BASE_SITE = "base_link"

# Groups of sensors, by what MuJoCo calls their type.
GROUPS = {
    "joint_position": mujoco.mjtSensor.mjSENS_JOINTPOS,
    "joint_velocity": mujoco.mjtSensor.mjSENS_JOINTVEL,
    "gyro": mujoco.mjtSensor.mjSENS_GYRO,
    "accelerometer": mujoco.mjtSensor.mjSENS_ACCELEROMETER,
    "attitude": mujoco.mjtSensor.mjSENS_FRAMEQUAT,
    "velocity": mujoco.mjtSensor.mjSENS_VELOCIMETER,
    "range": mujoco.mjtSensor.mjSENS_RANGEFINDER,
    "pressure": mujoco.mjtSensor.mjSENS_USER,
    "foot_force": mujoco.mjtSensor.mjSENS_TOUCH,
}


def sensor_parts(model: mujoco.MjModel, effect: SensorEffect) -> Parts:
    """Where the readings of each sensor lie that an effect acts on.

    Raises:
        ConfigurationError: The model has no sensor of a name.
    """
    names = [model.sensor(index).name for index in range(model.nsensor)]
    found: dict[int, None] = {}
    for wanted in effect.sensors:
        which = _matching(model, names, wanted)
        if not which:
            raise ConfigurationError(
                f"{effect.kind}: no sensor '{wanted}': the model has {', '.join(names)}; groups "
                f"are {', '.join(_groups(model))}, all"
            )
        found.update(dict.fromkeys(which))
    starts, sizes = model.sensor_adr, model.sensor_dim
    return [np.arange(starts[each], starts[each] + sizes[each], dtype=np.intp) for each in found]


def motor_parts(model: mujoco.MjModel, effect: SensorEffect) -> Parts:
    """Where the commands of each motor lie that an effect acts on.

    Raises:
        ConfigurationError: The model has no motor of a name, or a motor that is to exert nothing
            is a servo, which holds a position whatever its command.
    """
    names = [model.actuator(index).name for index in range(model.nu)]
    driven = [_driven(model, index) for index in range(model.nu)]
    found: dict[int, None] = {}
    for wanted in effect.motors:
        which = [
            index
            for index, of_index in enumerate(zip(names, driven, strict=True))
            if wanted in ("all", *of_index)
            or any(each.startswith(f"{wanted}_") for each in of_index)
        ]
        if not which:
            raise ConfigurationError(
                f"{effect.kind}: no motor '{wanted}': the model has {', '.join(names)}, all"
            )
        found.update(dict.fromkeys(which))
    if isinstance(effect, Loss):
        for index in found:
            if model.actuator_biasprm[index, 1]:
                raise ConfigurationError(
                    f"{effect.kind}: the servo {names[index]} holds a position whatever its "
                    "command is, so that it can't lose one: let it be stuck"
                )
    return [np.array([index], dtype=np.intp) for index in found]


def _driven(model: mujoco.MjModel, motor: int) -> str:
    """Name of the joint that a motor drives, if it drives one."""
    if int(model.actuator_trntype[motor]) != int(mujoco.mjtTrn.mjTRN_JOINT):
        return ""
    return str(model.joint(int(model.actuator_trnid[motor, 0])).name)


def _matching(model: mujoco.MjModel, names: list[str], wanted: str) -> list[int]:
    if wanted == "all":
        return list(range(len(names)))
    if wanted in names:
        return [names.index(wanted)]
    if wanted in GROUPS:
        return np.flatnonzero(model.sensor_type == int(GROUPS[wanted])).tolist()
    return [
        index
        for index, name in enumerate(names)
        if name.startswith(f"{wanted}_") or _measured(model, index) == wanted
    ]


def _measured(model: mujoco.MjModel, sensor: int) -> str:
    """Name of the joint or site that a sensor measures."""
    kind, index = int(model.sensor_objtype[sensor]), int(model.sensor_objid[sensor])
    return str(mujoco.mj_id2name(model, kind, index) or "") if index >= 0 else ""


def _groups(model: mujoco.MjModel) -> list[str]:
    types = set(model.sensor_type.tolist())
    return [name for name, kind in GROUPS.items() if int(kind) in types]


def body_id(model: mujoco.MjModel, effect: Push | Payload) -> int:
    """Number of the body that an effect acts on.

    Raises:
        ConfigurationError: The model has no such body, or no site base_link where none is named.
    """
    if not effect.body:
        base = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SITE, BASE_SITE)
        if base < 0:
            raise ConfigurationError(
                f"{effect.kind}: name the body, since the model has no site {BASE_SITE}"
            )
        return int(model.site_bodyid[base])
    body = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, effect.body)
    if body < 1:
        names = ", ".join(model.body(index).name for index in range(1, model.nbody))
        raise ConfigurationError(f"{effect.kind}: no body '{effect.body}': the model has {names}")
    return int(body)


def check(model: mujoco.MjModel, effect: Effect) -> None:
    """Refuse an effect that can't act on a model.

    Raises:
        ConfigurationError: It needs a sensor, body, ground or medium that the model lacks.
    """
    if isinstance(effect, SensorEffect):
        (motor_parts if effect.motors else sensor_parts)(model, effect)
    if isinstance(effect, Push | Payload):
        body = body_id(model, effect)
        if isinstance(effect, Payload) and model.body_mass[body] + effect.mass <= 0:
            raise ConfigurationError(
                f"payload: {effect.mass:g} kg takes away more than {model.body(body).name} weighs, "
                f"{model.body_mass[body]:g} kg"
            )
    if isinstance(effect, Wind | Density) and not (model.opt.density or model.opt.viscosity):
        raise ConfigurationError(
            f"{effect.kind}: the model has no medium that could exert a force (its density is 0)"
        )
    if isinstance(effect, Density) and model.geom_fluid.any():
        raise ConfigurationError(
            "density: this body floats, and its buoyancy does not follow the medium's density"
        )
    if isinstance(effect, Friction | SoftGround) and (
        model.opt.disableflags & int(mujoco.mjtDisableBit.mjDSBL_CONTACT)
        or not model.geom_contype[model.geom_bodyid == 0].any()
    ):
        raise ConfigurationError(f"{effect.kind}: the model touches no ground")
