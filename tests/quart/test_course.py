# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The course: what stands where, what is hidden, and that the expert does each task on it."""

import math

import mujoco
import numpy as np
import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.types import JOINTS
from neuro_control.quadruped.simulation.body import Body
from neuro_control.quart.control.instructions import draw
from neuro_control.quart.control.tasks import BARS, CourseObject, Task, draw_task
from neuro_control.quart.evaluation.guides import Expert, Script
from neuro_control.quart.evaluation.rollout import rollout
from neuro_control.quart.simulation.course import HIDDEN, Course, load_of, world
from neuro_control.quart.simulation.scenery import SPLITS, draw_scenery
from neuro_control.quart.simulation.textures import SEEN_TEXTURES, UNSEEN_TEXTURES
from neuro_control.simulation import world as worlds
from tests.quart.test_words_and_actions import EACH


@pytest.fixture(scope="module")
def course():
    return Course()


def ray(model, data, start, direction):
    """Distance to what is first hit of the world, and the name of its body."""
    hit = np.zeros(1, dtype=np.int32)
    start, direction = np.array(start, dtype=float), np.array(direction, dtype=float)
    distance = mujoco.mj_ray(model, data, start, direction, None, 1, -1, hit)
    return distance, model.body(model.geom_bodyid[hit[0]]).name if hit[0] >= 0 else None


def arranged(course, task, scenery="plain"):
    course.arrange(task, draw_scenery(scenery, np.random.default_rng(0)))
    body = Body(course.world(noise=0.0))
    body.reset(np.random.default_rng(0))
    return body


def hand_made(skill, kind, **rest):
    return Task(skill, skill, (CourseObject(kind, "red", (3.0, 0.0)),), 15.0, **rest)


@pytest.mark.parametrize(("instruction", "skill"), EACH.items())
def test_each_task_has_its_objects_where_it_says_and_no_others(instruction, skill):
    task = draw(instruction, seed=5)
    course = Course(load=load_of(skill))
    body = arranged(course, task)
    for name, each in zip(course.bodies, task.objects, strict=True):
        assert body.data.body(name).xpos[:2] == pytest.approx(each.position, abs=1e-9)
        # A ray from above meets it where it stands.
        down, hit = ray(body.model, body.data, [*each.position, 3.0], [0, 0, -1])
        assert hit == name
        assert down < 3.0
    assert body.height == pytest.approx(0.32, abs=0.02)
    shown = body.model.geom_group != HIDDEN
    standing = body.data.geom_xpos[:, 2] > -1.0
    own = body.model.body_rootid[body.model.geom_bodyid] == body.model.body("FL_foot").rootid[0]
    rolls = np.array(["rolling" in body.model.body(b).name for b in body.model.geom_bodyid])
    assert (shown == standing)[~own & ~rolls].all()


def test_the_next_task_leaves_nothing_of_the_last(course):
    once = arranged(course, draw("go to the red cube", 1))
    first = once.model.geom_rgba.copy(), once.model.body_pos.copy(), once.model.geom_matid.copy()
    for seed, instruction in enumerate(("crawl under the bar", "distinguish letter b")):
        arranged(course, draw(instruction, seed), "seen")
    again = arranged(course, draw("go to the red cube", 1))
    shown = again.model.geom_group != HIDDEN
    assert (again.model.geom_rgba == first[0])[shown].all()
    assert (again.model.geom_matid == first[2])[shown].all()
    moved = np.flatnonzero((again.model.body_pos != first[1]).any(axis=1))
    assert (again.model.body_pos[moved, 2] == -5.0).all()


@pytest.mark.parametrize("bar", BARS)
def test_a_bar_hangs_as_high_as_the_task_has_it(course, bar):
    task = draw("crawl under the bar", 1, bar=bar)
    body = arranged(course, task)
    # From the ground upwards, 60 cm to the left of its middle: between the posts.
    ahead, left = task.target.position
    up, name = ray(body.model, body.data, [ahead, left + 0.6, 0.01], [0, 0, 1])
    assert name == "0/bar"
    assert up + 0.01 == pytest.approx(bar, abs=1e-9)


@pytest.mark.parametrize(
    ("kind", "wide", "high"),
    # The rectangle is 0.7 m wide and 0.55 m high inside. The triangle's walls, 0.1 m thick, lean by
    # 30° over points 0.289 m to the sides and 0.4 m up: inside, z above the ground, there are
    # 2 (0.289 - 0.05 / cos 30° + (0.4 - z) tan 30°) m.
    [("rectangle tunnel", 0.7, 0.55), ("triangle tunnel", 0.694, 0.8)],
)
def test_a_tunnel_is_as_wide_and_as_high_as_it_should_be(course, kind, wide, high):
    body = arranged(course, hand_made("tunnel", kind))
    left, _ = ray(body.model, body.data, [3.0, 0.0, 0.2], [0, 1, 0])
    right, _ = ray(body.model, body.data, [3.0, 0.0, 0.2], [0, -1, 0])
    assert left == pytest.approx(right)
    assert left + right == pytest.approx(wide, abs=2e-3)
    up, _ = ray(body.model, body.data, [3.0, 0.0, 0.0], [0, 0, 1])
    assert up == pytest.approx(high, abs=2e-2)


def test_a_ball_that_rolls_comes_closer_and_one_that_is_not_meant_waits_far_away():
    task = draw("stop the red ball", 2)
    body = arranged(Course(load="rolling"), task)
    for _ in range(1000):
        body.step(np.zeros(12))
    ahead, left, _ = body.data.body("0/rolling ball").xpos
    assert task.target.position[0] - ahead == pytest.approx(0.05 * 2.0, abs=5e-3)
    assert left == pytest.approx(task.target.position[1], abs=1e-3)
    assert body.data.body("1/rolling ball").xpos[0] < -20.0


def test_worlds_of_the_test_share_no_texture_and_no_light_with_training():
    assert not set(SEEN_TEXTURES) & set(UNSEEN_TEXTURES)
    rng = np.random.default_rng(0)
    seen, unseen = ([draw_scenery(split, rng) for _ in range(200)] for split in SPLITS[1:])
    assert not {each.floor for each in seen} & {each.floor for each in unseen}
    assert all(0.3 <= each.ambient <= 0.6 for each in seen)
    assert not any(0.3 < each.ambient < 0.6 for each in unseen)
    turns = {name: [abs(each.camera_turn[0]) for each in found]
             for name, found in (("seen", seen), ("unseen", unseen))}  # fmt: skip
    assert max(turns["seen"]) <= min(turns["unseen"])
    # Furniture leaves the way free.
    for each in (*seen, *unseen):
        for piece in each.furniture:
            ahead, left = piece.position
            assert abs(left) >= 2.2 or ahead >= 5.2


# Walking.


@pytest.mark.parametrize("instruction", EACH)
def test_the_expert_does_each_task_strictly(instruction):
    meant_for = "go1" if "triangle" in instruction or "ball" in instruction else "go2"
    task = draw(instruction, seed=3, pair="hard", bar=0.2)
    course = Course(meant_for, load_of(task.skill))
    outcome = rollout(course, task, Expert(), seed=0)
    assert outcome.strict, outcome.failed
    assert outcome.published


def test_a_bar_stops_who_does_not_crouch(course):
    class Upright(Expert):
        def act(self, body, moment, controller):
            action = super().act(body, moment, controller)
            action[4] = 0.0
            return action

    rng = np.random.default_rng(0)
    task = draw_task("crawl", "bar", "", rng, bar=0.25, pair="hard")
    outcome = rollout(course, task, Upright())
    assert not outcome.strict
    assert outcome.failed == "it touched the bar"


def test_a_script_without_eyes_goes_through_the_right_tunnel_by_chance(course):
    rng = np.random.default_rng(1)
    task = draw_task("tunnel", "rectangle tunnel", "red", rng, pair="hard")
    # Which side it takes is drawn.
    assert {rollout(course, task, Script(seed)).strict for seed in range(4)} == {False, True}


def test_the_same_rollout_is_the_same_to_the_bit(course):
    task = draw("go to the red cube", 2, pair="hard")
    runs = [rollout(course, task, Expert(), seed=4) for _ in range(2)]
    assert runs[0] == runs[1]


def test_a_simulation_node_finds_the_course_by_name():
    arguments = {"task": "unload the ball into the blue traybox", "robot": "go1", "seed": 4}
    found = worlds.load("neuro_control.quart.simulation.course:world", arguments).model
    trays = [found.body(f"{number}/traybox").pos[:2] for number in (0, 1)]
    drawn = draw(arguments["task"], seed=4)
    np.testing.assert_allclose(trays, [each.position for each in drawn.objects])
    # Joints of the robot come first, and then the ball's.
    assert [found.joint(j).name for j in range(1, 14)] == [*JOINTS, "load/load"]


def test_worlds_that_can_not_be_are_refused(course):
    for arguments in ({"robot": "spot"}, {"noise": math.nan}, {"scenery": "moon"}):
        with pytest.raises(ConfigurationError):
            world("go to the red cube", **arguments)
    with pytest.raises(ConfigurationError, match="no load 'sofa': there are nothing, chute, rol"):
        Course(load="sofa")
    with pytest.raises(ConfigurationError, match="to stop needs the load rolling"):
        course.arrange(draw("stop the red ball"))
