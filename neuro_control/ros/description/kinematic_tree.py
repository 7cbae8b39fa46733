# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The links and joints of a URDF, and where the links are when the joints move."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError

Array = NDArray[np.float64]

_TURNS, _SLIDES = ("revolute", "continuous"), ("prismatic",)


@dataclass(frozen=True)
class Transform:
    """A frame within its parent's.

    Attributes:
        parent: Name of the parent's frame.
        child: Name of the frame.
        position: Its origin, (3,), m.
        quaternion: Its attitude as w, x, y, z, (4,).
    """

    parent: str
    child: str
    position: Array
    quaternion: Array


@dataclass(frozen=True)
class Joint:
    """A joint of a URDF.

    Attributes:
        name: Its name.
        kind: fixed, revolute, continuous or prismatic.
        origin: Transform while its angle or displacement is 0.
        axis: Its axis in the child's frame, (3,), of length 1.
    """

    name: str
    kind: str
    origin: Transform
    axis: Array

    def at(self, value: float) -> Transform:
        """Transform at an angle, rad, or displacement, m."""
        origin = self.origin
        if self.kind in _SLIDES:
            position = origin.position + rotate(origin.quaternion, value * self.axis)
            return Transform(origin.parent, origin.child, position, origin.quaternion)
        turn = np.array([math.cos(value / 2), *(math.sin(value / 2) * self.axis)])
        quaternion = multiply(origin.quaternion, turn)
        return Transform(origin.parent, origin.child, origin.position, quaternion)


class KinematicTree:
    """Links and joints of a robot.

    Args:
        urdf: The description, as XML.

    Attributes:
        root: Name of the link that has no parent.
        links: Names of all links.
        fixed: Transforms that never change.
        moving: Joints that move, by name.

    Raises:
        ConfigurationError: It is no URDF, or its joints make no tree.
    """

    def __init__(self, urdf: str) -> None:
        # A document type could nest entities without end.
        if "<!DOCTYPE" in urdf or "<!ENTITY" in urdf:
            raise ConfigurationError("the URDF has a document type, which no URDF needs")
        try:
            root = ElementTree.fromstring(urdf)  # noqa: S314  # without entities there is no bomb
        except ElementTree.ParseError as error:
            raise ConfigurationError(f"the URDF is no XML: {error}") from error
        if root.tag != "robot":
            raise ConfigurationError(f"a URDF begins with <robot>, not with <{root.tag}>")
        self.links = [link.get("name", "") for link in root.findall("link")]
        joints = [_joint(element) for element in root.findall("joint")]
        self.fixed = [joint.origin for joint in joints if joint.kind == "fixed"]
        self.moving = {joint.name: joint for joint in joints if joint.kind != "fixed"}
        self.root = self._root(joints)

    def _root(self, joints: list[Joint]) -> str:
        children = [joint.origin.child for joint in joints]
        roots = [link for link in self.links if link not in children]
        known = {*self.links}
        ends = {name for joint in joints for name in (joint.origin.parent, joint.origin.child)}
        if len(roots) != 1 or len(set(children)) != len(children) or not ends <= known:
            raise ConfigurationError(
                "the joints of the URDF make no tree: each link but one is the child of one joint"
            )
        return roots[0]

    def transforms(self, values: Mapping[str, float]) -> Iterator[Transform]:
        """Transforms of those joints that have a value: angle, rad, or displacement, m."""
        for name, value in values.items():
            joint = self.moving.get(name)
            if joint is not None:
                yield joint.at(value)


def _joint(element: ElementTree.Element) -> Joint:
    name, kind = element.get("name", ""), element.get("type", "")
    if kind not in ("fixed", *_TURNS, *_SLIDES):
        raise ConfigurationError(
            f"the joint '{name}' is '{kind}': a joint is fixed, revolute, continuous or prismatic"
        )
    if element.find("mimic") is not None:
        raise ConfigurationError(f"the joint '{name}' mimics another, which is not supported")
    ends = [_attribute(element, tag, "link", "") for tag in ("parent", "child")]
    position = _numbers(name, _attribute(element, "origin", "xyz", "0 0 0"))
    rpy = _numbers(name, _attribute(element, "origin", "rpy", "0 0 0"))
    axis = _numbers(name, _attribute(element, "axis", "xyz", "1 0 0"))
    length = float(np.linalg.norm(axis))
    if kind != "fixed" and not length:
        raise ConfigurationError(f"the axis of the joint '{name}' has no direction")
    origin = Transform(ends[0], ends[1], position, _of_rpy(*rpy))
    return Joint(name, kind, origin, axis / (length or 1.0))


def _attribute(element: ElementTree.Element, tag: str, key: str, default: str) -> str:
    found = element.find(tag)
    return default if found is None else found.get(key, default)


def _numbers(joint: str, text: str) -> Array:
    try:
        numbers = np.array([float(part) for part in text.split()])
    except ValueError:
        numbers = np.empty(0)
    if numbers.shape != (3,) or not np.isfinite(numbers).all():
        raise ConfigurationError(f"the joint '{joint}' has '{text}' instead of three numbers")
    return numbers


def _of_rpy(roll: float, pitch: float, yaw: float) -> Array:
    """Quaternion of turns about the fixed axes x, y and z, in this order."""
    turns = [
        np.array([math.cos(angle / 2), *(math.sin(angle / 2) * axis)])
        for angle, axis in zip((roll, pitch, yaw), np.eye(3), strict=True)
    ]
    return multiply(turns[2], multiply(turns[1], turns[0]))


def multiply(one: Array, other: Array) -> Array:
    """Product of two quaternions w, x, y, z: the turn ``other``, and then ``one``."""
    w, v, other_w, other_v = one[0], one[1:], other[0], other[1:]
    vector = w * other_v + other_w * v + np.cross(v, other_v)
    return np.array([w * other_w - v @ other_v, *vector])


def rotate(quaternion: Array, vector: Array) -> Array:
    """``vector`` (3,) of a frame of that attitude (w, x, y, z) in its parent's."""
    across = np.cross(quaternion[1:], vector)
    turned: Array = vector + 2.0 * (quaternion[0] * across + np.cross(quaternion[1:], across))
    return turned
