# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Model of the swimmer in MuJoCo: bodies of any number of links, and where their sensors lie.

The body is dm_control's swimmer (Tassa et al., arXiv 1801.00690).
"""

from __future__ import annotations

import copy
from xml.etree import ElementTree

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control import resources
from neuro_control.errors import ConfigurationError
from neuro_control.swimmer.control.types import MAX_LINKS, MIN_LINKS

Array = NDArray[np.float64]

LINK_LENGTH = 0.1  # m
NOSE = 0.01  # m, from the head's front joint to the tip of the nose
MEDIUM_DENSITY = 3000.0  # kg/m³, of the water-like medium in sim/swimmer.xml


def model(links: int, density: float = MEDIUM_DENSITY) -> mujoco.MjModel:
    """Compiled swimmer of ``links`` links in a medium of ``density`` (kg/m³).

    Raises:
        ConfigurationError: ``links`` is below 3 or above 100, or ``density`` below 0.
    """
    if not isinstance(links, int) or not MIN_LINKS <= links <= MAX_LINKS:
        raise ConfigurationError(f"a swimmer has {MIN_LINKS} to {MAX_LINKS} links, not {links}")
    if not 0 <= density < np.inf:
        raise ConfigurationError(f"the medium's density is 0 or more kg/m³, not {density:g}")
    tree = ElementTree.parse(resources.find_file("sim", "swimmer.xml"))
    root = tree.getroot()
    head = _child(root, "worldbody/body[@name='link_0']")
    pattern = _child(head, "body[@name='link_1']")
    head.remove(pattern)
    pattern.remove(_child(pattern, "body"))
    motors, sensors = _child(root, "actuator"), _child(root, "sensor")
    motor, motion, encoder = motors[0], sensors[:2], sensors[-1]
    motors.clear()
    sensors.clear()
    sensors.extend(_renumbered(element, "0") for element in motion)
    parent = head
    for index in range(1, links):
        link = _renumbered(pattern, str(index))
        parent.append(link)
        parent = link
        motors.append(_renumbered(motor, str(index)))
        sensors.extend(_renumbered(element, str(index)) for element in motion)
    sensors.extend(_renumbered(encoder, str(index)) for index in range(1, links))
    _child(root, "option").set("density", str(density))
    limit = 360 / links
    _child(root, "default/default[@class='link']/joint").set("range", f"{-limit} {limit}")
    for camera in head.findall("camera"):
        scaled = (float(coordinate) * links / 6 for coordinate in camera.get("pos", "").split())
        camera.set("pos", " ".join(map(str, scaled)))
    return mujoco.MjModel.from_xml_string(ElementTree.tostring(root, encoding="unicode"))


def _child(element: ElementTree.Element, path: str) -> ElementTree.Element:
    child = element.find(path)
    if child is None:
        raise ConfigurationError(f"sim/swimmer.xml has lost its {path}")
    return child


def _renumbered(element: ElementTree.Element, index: str) -> ElementTree.Element:
    """Copy of ``element`` in which every name that ends in a number ends in ``index``."""
    element = copy.deepcopy(element)
    for part in element.iter():
        for key in ("name", "joint", "site"):
            stem, _, number = part.get(key, "").rpartition("_")
            if number.isdigit():
                part.set(key, f"{stem}_{index}")
    return element


def angle_slice(model: mujoco.MjModel) -> slice:
    """Where the joint angles, from head to tail, lie in the sensor readings."""
    first = int(model.sensor("angle_1").adr[0])
    return slice(first, first + model.nu)


def velocity_addresses(model: mujoco.MjModel) -> NDArray[np.intp]:
    """Where vx, vy and the yaw rate of each link, head first, lie in the sensor readings."""
    addresses = []
    for link in range(model.nu + 1):
        velocity = int(model.sensor(f"velocity_{link}").adr[0])
        addresses += [velocity, velocity + 1, int(model.sensor(f"gyro_{link}").adr[0]) + 2]
    return np.array(addresses)


def forward_speed(model: mujoco.MjModel, sensordata: Array) -> Array:
    """Forward speed of the head, m/s, from sensor readings (..., nsensordata)."""
    # The swimmer looks along the -y axis of its head.
    speed: Array = -sensordata[..., model.sensor("velocity_0").adr[0] + 1]
    return speed


def recorded_speed(model: mujoco.MjModel, qpos: Array, qvel: Array) -> Array:
    """True forward speed of the head, (T,), m/s, of recorded states (T, nq) and (T, nv)."""
    data = mujoco.MjData(model)
    readings = np.empty((len(qpos), model.nsensordata))
    for row, data.qpos[:], data.qvel[:] in zip(readings, qpos, qvel, strict=True):
        mujoco.mj_forward(model, data)
        row[:] = data.sensordata
    return forward_speed(model, readings)
