# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a MuJoCo model looks like: each body's geoms as coloured triangles."""

from __future__ import annotations

from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

# Sides of round shapes, and half of the side of a plane without end, m.
_SIDES, _RINGS, _PLANE = 20, 8, 15.0
# By convention the group of the shapes that collide, where others are there to be looked at.
_COLLISION_GROUP = 3
_DEFAULT_COLOUR = (0.5, 0.5, 0.5, 1.0)


class Shape(NamedTuple):
    """Triangles of one geom.

    Attributes:
        name: Its name, or number.
        body: Number of its body.
        vertices: Corners of the triangles in the body's frame, (n, 3), m.
        faces: Rows of the corners of each triangle, (m, 3).
        colour: Red, green, blue and opacity, (4,), 0 to 1.
    """

    name: str
    body: int
    vertices: Array
    faces: Indices
    colour: Array


def shapes(model: mujoco.MjModel) -> list[Shape]:
    """All visible shapes of a model.

    Shapes that collide are left out where the model has meshes to look at.
    """
    meshes = bool((model.geom_type == int(mujoco.mjtGeom.mjGEOM_MESH)).any())
    found = []
    for geom in range(model.ngeom):
        colour = _colour(model, geom)
        hidden = meshes and model.geom_group[geom] == _COLLISION_GROUP
        triangles = None if hidden or colour[3] == 0.0 else _triangles(model, geom)
        if triangles is None:
            continue
        vertices, faces = triangles
        rotation = np.empty(9)
        mujoco.mju_quat2Mat(rotation, model.geom_quat[geom])
        placed = vertices @ rotation.reshape(3, 3).T + model.geom_pos[geom]
        name = model.geom(geom).name or f"geom_{geom}"
        found.append(Shape(name, int(model.geom_bodyid[geom]), placed, faces, colour))
    return found


def _colour(model: mujoco.MjModel, geom: int) -> Array:
    """Colour of a geom: its own, or its material's with the mean of the material's texture."""
    own = np.array(model.geom_rgba[geom], dtype=np.float64)
    material = int(model.geom_matid[geom])
    if material < 0 or not np.allclose(own, _DEFAULT_COLOUR):
        return own
    colour = np.array(model.mat_rgba[material], dtype=np.float64)
    textures = [int(each) for each in np.ravel(model.mat_texid[material]) if each >= 0]
    if textures:
        start, channels = int(model.tex_adr[textures[0]]), int(model.tex_nchannel[textures[0]])
        size = int(model.tex_width[textures[0]] * model.tex_height[textures[0]]) * channels
        pixels = model.tex_data[start : start + size].reshape(-1, channels)
        colour[:3] *= pixels[:, :3].mean(axis=0) / 255.0
    return colour


def _triangles(model: mujoco.MjModel, geom: int) -> tuple[Array, Indices] | None:
    """Triangles of a geom in its own frame; None of a kind that has none here."""
    kind, size = mujoco.mjtGeom(model.geom_type[geom]), model.geom_size[geom]
    if kind == mujoco.mjtGeom.mjGEOM_MESH:
        return _mesh(model, int(model.geom_dataid[geom]))
    if kind == mujoco.mjtGeom.mjGEOM_HFIELD:
        return _height_field(model, int(model.geom_dataid[geom]))
    if kind == mujoco.mjtGeom.mjGEOM_PLANE:
        half = [float(each) or _PLANE for each in size[:2]]
        return _box(np.array([*half, 0.0]))
    if kind == mujoco.mjtGeom.mjGEOM_BOX:
        return _box(size)
    if kind == mujoco.mjtGeom.mjGEOM_SPHERE:
        return _ellipsoid(np.full(3, size[0]))
    if kind == mujoco.mjtGeom.mjGEOM_ELLIPSOID:
        return _ellipsoid(size)
    if kind == mujoco.mjtGeom.mjGEOM_CAPSULE:
        return _capsule(float(size[0]), float(size[1]))
    if kind == mujoco.mjtGeom.mjGEOM_CYLINDER:
        outline = size[0] * np.array([0.0, 1.0, 1.0, 0.0])
        return _turned(outline, size[1] * np.array([-1.0, -1.0, 1.0, 1.0]))
    return None


def _mesh(model: mujoco.MjModel, mesh: int) -> tuple[Array, Indices]:
    first, count = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
    face, faces = int(model.mesh_faceadr[mesh]), int(model.mesh_facenum[mesh])
    vertices = model.mesh_vert[first : first + count].astype(np.float64)
    return vertices, model.mesh_face[face : face + faces].astype(np.int64)


def _height_field(model: mujoco.MjModel, field: int) -> tuple[Array, Indices]:
    rows, columns = int(model.hfield_nrow[field]), int(model.hfield_ncol[field])
    start = int(model.hfield_adr[field])
    half_x, half_y, height, _ = model.hfield_size[field]
    heights = model.hfield_data[start : start + rows * columns] * height
    y, x = np.meshgrid(
        np.linspace(-half_y, half_y, rows), np.linspace(-half_x, half_x, columns), indexing="ij"
    )
    vertices = np.stack([x.ravel(), y.ravel(), heights], axis=1).astype(np.float64)
    return vertices, _grid(rows, columns)


def _grid(rows: int, columns: int) -> Indices:
    """Two triangles for each field of a grid of corners."""
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    right, above = corner + 1, corner + columns
    return np.concatenate(
        [np.stack([corner, right, above], 1), np.stack([right, above + 1, above], 1)]
    )


def _box(half: Array) -> tuple[Array, Indices]:
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * half
    faces = [
        (0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1),
        (2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3),
    ]  # fmt: skip
    return corners, np.array(faces)


def _turned(radii: Array, heights: Array) -> tuple[Array, Indices]:
    """Surface of an outline that turns about the z axis."""
    angles = np.linspace(0.0, 2.0 * np.pi, _SIDES + 1)
    x, y = radii[:, None] * np.cos(angles), radii[:, None] * np.sin(angles)
    z = np.broadcast_to(heights[:, None], x.shape)
    return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1), _grid(len(radii), _SIDES + 1)


def _ellipsoid(half: Array) -> tuple[Array, Indices]:
    angles = np.linspace(-np.pi / 2, np.pi / 2, 2 * _RINGS + 1)
    vertices, faces = _turned(np.cos(angles), np.sin(angles))
    return vertices * half, faces


def _capsule(radius: float, half: float) -> tuple[Array, Indices]:
    angles = np.linspace(-np.pi / 2, np.pi / 2, 2 * _RINGS + 2)
    return _turned(
        radius * np.cos(angles), radius * np.sin(angles) + np.where(angles > 0.0, half, -half)
    )
