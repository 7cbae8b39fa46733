# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Shapes of a MuJoCo body as URDF's: what one sees, and what touches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np

from neuro_control.simulation.description.poses import Pose, text

# URDF has no ellipsoid: it is this sphere of radius 1 in three scales.
_SPHERE = "package://neuro_control/sim/unit_sphere.obj"
_KINDS = mujoco.mjtGeom

Shape = tuple[str, dict[str, str], Pose]


def add_shapes(link: ElementTree.Element, model: mujoco.MjModel, body: int, pose: Pose) -> None:
    """Add a body's shapes to its link.

    Args:
        link: The link.
        model: The model.
        body: The body.
        pose: The body's frame in the link's.
    """
    first = int(model.body_geomadr[body])
    geoms = range(first, first + int(model.body_geomnum[body]))
    touching = [g for g in geoms if model.geom_contype[g] or model.geom_conaffinity[g]]
    seen = [g for g in geoms if _rgba(model, g)]
    # Where there are meshes, the other shapes only stand in for them when something touches.
    drawn = [g for g in seen if model.geom_type[g] == _KINDS.mjGEOM_MESH] or seen
    for tag, chosen in (("visual", drawn), ("collision", touching)):
        for geom in chosen:
            for shape, attributes, place in _shapes(model, geom):
                element = ElementTree.SubElement(link, tag)
                where = pose @ place
                origin = {"xyz": text(*where.position), "rpy": text(*where.rpy)}
                ElementTree.SubElement(element, "origin", origin)
                geometry = ElementTree.SubElement(element, "geometry")
                ElementTree.SubElement(geometry, shape, attributes)
                if tag == "visual":
                    _colour(element, model, geom)


def _shapes(model: mujoco.MjModel, geom: int) -> Iterator[Shape]:
    """A geom as one or more of URDF's shapes, with their poses in the body."""
    size, kind = model.geom_size[geom], int(model.geom_type[geom])
    pose = Pose(model.geom_pos[geom], model.geom_quat[geom])
    if kind == int(_KINDS.mjGEOM_BOX):
        yield "box", {"size": text(*(2 * size))}, pose
    elif kind == int(_KINDS.mjGEOM_SPHERE):
        yield "sphere", {"radius": text(size[0])}, pose
    elif kind in (int(_KINDS.mjGEOM_CYLINDER), int(_KINDS.mjGEOM_CAPSULE)):
        yield "cylinder", {"radius": text(size[0]), "length": text(2 * size[1])}, pose
        if kind == int(_KINDS.mjGEOM_CAPSULE):
            for end in (-size[1], size[1]):
                ball = pose @ Pose(np.array([0.0, 0.0, end]))
                yield "sphere", {"radius": text(size[0])}, ball
    elif kind == int(_KINDS.mjGEOM_ELLIPSOID):
        yield "mesh", {"filename": _SPHERE, "scale": text(*size)}, pose
    elif kind == int(_KINDS.mjGEOM_MESH):
        yield _mesh(model, geom, pose)


def _mesh(model: mujoco.MjModel, geom: int, pose: Pose) -> Shape:
    """A mesh's file; MuJoCo moved its points when it compiled it."""
    mesh = int(model.geom_dataid[geom])
    moved = Pose(model.mesh_pos[mesh], model.mesh_quat[mesh])
    path = _text_at(model.paths, int(model.mesh_pathadr[mesh]))
    scale = text(*model.mesh_scale[mesh])
    return "mesh", {"filename": Path(path).as_uri(), "scale": scale}, pose @ moved.inverse


def _text_at(texts: bytes, start: int) -> str:
    return texts[start : texts.index(b"\0", start)].decode()


def _rgba(model: mujoco.MjModel, geom: int) -> tuple[float, ...] | None:
    """Colour and opacity of a geom; None if nobody sees it."""
    material = int(model.geom_matid[geom])
    rgba = model.geom_rgba[geom] if material < 0 else model.mat_rgba[material]
    return tuple(rgba.tolist()) if rgba[3] else None


def _colour(element: ElementTree.Element, model: mujoco.MjModel, geom: int) -> None:
    rgba = _rgba(model, geom)
    if rgba is not None:
        name = "colour_" + "_".join(f"{round(255 * part)}" for part in rgba)
        material = ElementTree.SubElement(element, "material", name=name)
        ElementTree.SubElement(material, "color", rgba=" ".join(f"{part:.3g}" for part in rgba))
