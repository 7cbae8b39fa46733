# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The course of QUART's tasks: what stands where, when a task is done, and what the robot sees."""

import math
import subprocess
import sys

import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import gait
from neuro_control.quadruped.control.gait import Gait
from neuro_control.quadruped.control.robots import find_robot
from neuro_control.quadruped.control.types import JOINTS
from neuro_control.quadruped.simulation import course
from neuro_control.quadruped.simulation.body import Body
from neuro_control.quadruped.simulation.course import (
    BARS,
    COLOURS,
    SEEN,
    UNSEEN,
    CourseObject,
    Task,
    draw,
    world,
)
from neuro_control.simulation import world as worlds

EACH = {
    "go to the red cube": "go to",
    "go to the gold ball and avoid the obstacle": "avoid",
    "go through the green rectangle tunnel": "tunnel",
    "go through the pink triangle tunnel": "tunnel",
    "crawl under the bar": "crawl",
    "distinguish letter c": "distinguish",
    "unload the ball into the yellow traybox": "unload",
    "stop the blue ball slowly with a trotting gait": "stop",
}


def hand_made(skill, position, kind="cube"):
    return Task(skill, skill, (CourseObject(kind, "red", position),), 20.0, bar=0.25, load="blue")


def ray(model, data, start, direction):
    """Distance to what is first hit of the world, and the name of its body."""
    hit = np.zeros(1, dtype=np.int32)
    start, direction = np.array(start, dtype=float), np.array(direction, dtype=float)
    distance = mujoco.mj_ray(model, data, start, direction, None, 1, -1, hit)
    return distance, model.body(model.geom_bodyid[hit[0]]).name if hit[0] >= 0 else None


@pytest.mark.parametrize(("instruction", "skill"), EACH.items())
def test_each_instruction_becomes_a_world_of_its_objects(instruction, skill):
    task = draw(instruction, seed=5)
    assert (task.skill, task.instruction) == (skill, instruction)
    assert task.seconds == (15.0 if skill in ("tunnel", "unload") else 20.0)
    body = Body(world(task, noise=0.0))
    body.reset(np.random.default_rng(0))
    for number, each in enumerate(task.objects):
        found = body.data.body(f"{number}/{each.kind}").xpos
        np.testing.assert_allclose(found[:2], each.position, atol=1e-9)
        # A ray from above meets it where it stands.
        above = [*each.position, 3.0]
        down, name = ray(body.model, body.data, above, [0, 0, -1])
        assert name == f"{number}/{each.kind}"
        assert down < 3.0
    assert body.height == pytest.approx(0.32, abs=0.02)
    assert not course.achieved(task, body)


@pytest.mark.parametrize("instruction", EACH)
def test_objects_stand_as_far_away_and_apart_as_quard_has_them(instruction):
    order = set()
    for seed in range(40):
        task = draw(instruction, seed)
        (ahead, left), *others = (each.position for each in task.objects)
        if task.skill == "crawl":
            assert 1.7 <= ahead <= 2.3
            assert abs(left) <= 0.8
            continue
        assert 2.7 <= ahead <= 3.3
        assert others[0][0] == ahead
        assert 1.3 <= abs(left - others[0][1]) <= 1.7
        assert abs(abs(left) - 0.75) <= 0.1
        order.add(left > 0)
        kinds = {(each.kind.removeprefix("rolling "), each.colour) for each in task.objects[:2]}
        assert len(kinds) == 2
        assert task.objects[0].colour not in {each.colour for each in task.objects[1:]}
        if task.skill == "avoid":
            assert others[1][0] == pytest.approx(ahead - 1.5)
            assert abs(others[1][1]) <= 0.1
    assert order in ({True, False}, set())


def test_the_same_seed_is_the_same_task_and_another_is_another():
    for instruction in EACH:
        assert draw(instruction, 3) == draw(instruction, 3)
        assert draw(instruction, 3) != draw(instruction, 4)


def test_others_have_the_colours_that_they_may_have():
    tasks = [draw("crawl under the bar", seed, others=UNSEEN) for seed in range(40)]
    assert {task.objects[0].colour for task in tasks} == set(UNSEEN)
    assert {task.bar for task in tasks} == set(BARS)
    seen = [draw("unload the ball into the red traybox", seed) for seed in range(40)]
    assert {task.load for task in seen} == set(SEEN) - {"red"}


@pytest.mark.parametrize("bar", BARS)
def test_a_bar_hangs_as_high_as_the_task_has_it(bar):
    task = draw("crawl under the bar", 1, bar=bar)
    body = Body(world(task))
    body.reset(np.random.default_rng(0))
    # From the ground upwards, 60 cm to the left of its middle: between the posts.
    ahead, left = task.objects[0].position
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
def test_a_tunnel_is_as_wide_and_as_high_as_it_should_be(kind, wide, high):
    task = Task("tunnel", "", (CourseObject(kind, "red", (3.0, 0.0)),), 15.0)
    body = Body(world(task))
    body.reset(np.random.default_rng(0))
    left, _ = ray(body.model, body.data, [3.0, 0.0, 0.2], [0, 1, 0])
    right, _ = ray(body.model, body.data, [3.0, 0.0, 0.2], [0, -1, 0])
    assert left == pytest.approx(right)
    assert left + right == pytest.approx(wide, abs=2e-3)
    up, _ = ray(body.model, body.data, [3.0, 0.0, 0.0], [0, 0, 1])
    assert up == pytest.approx(high, abs=2e-2)


@pytest.mark.parametrize(
    ("skill", "target", "where", "done"),
    [
        ("go to", (3.0, 0.8), (2.4, 0.1), True),  # 0.92 m away
        ("go to", (3.0, 0.8), (2.2, 0.1), False),  # 1.06 m
        ("avoid", (3.0, -0.8), (3.0, 0.1), True),  # 0.9 m
        ("tunnel", (3.0, 0.7), (3.1, 0.7), True),  # 0.9 m before the point behind it
        ("tunnel", (3.0, 0.7), (2.9, 0.7), False),  # 1.1 m
        ("crawl", (2.0, 0.3), (2.6, 0.3), True),  # 0.9 m before (3.5, 0.3)
        ("crawl", (2.0, 0.3), (2.4, 0.3), False),
    ],
)
def test_near_enough_is_there(skill, target, where, done):
    assert hand_made(skill, target).achieved(np.array(where), 0.0) is done


@pytest.mark.parametrize(
    ("where", "yaw", "done"),
    [
        ((0.0, 0.0), 0.0, False),  # the letter is 14.0° to the left
        ((0.0, 0.6), 0.0, True),  # 0.15 m to the left
        ((0.0, 0.0), math.radians(10.0), True),  # 4.0°
        ((0.0, 0.0), math.radians(8.0), False),  # 6.0°
        ((0.0, 0.0), math.radians(10.0 - 360.0), True),
    ],
)
def test_a_letter_is_distinguished_by_standing_before_it_or_facing_it(where, yaw, done):
    task = hand_made("distinguish", (3.0, 0.75), "letter")
    assert task.achieved(np.array(where), yaw) is done


def test_a_task_with_a_ball_is_judged_by_the_ball():
    unload, stop = hand_made("unload", (3.0, 0.7)), hand_made("stop", (3.0, 0.7))
    robot = np.array([2.3, 0.7])
    assert unload.achieved(robot, 0.0, np.array([2.94, 0.76]))  # 0.085 m
    assert not unload.achieved(robot, 0.0, np.array([2.92, 0.78]))  # 0.113 m
    assert stop.achieved(robot, 0.0, np.array([3.1, 0.3]))  # 0.89 m from the robot
    assert not stop.achieved(robot, 0.0, np.array([3.3, 0.7]))
    with pytest.raises(ValueError, match="depends on the ball"):
        unload.achieved(robot, 0.0)


class Guide:
    """Commands each task, knowing the objects' places."""

    def __init__(self, task):
        self.task, self.bows_at = task, math.inf

    def command(self, body, time):
        skill, (ahead, left) = self.task.skill, self.task.objects[0].position
        x, y = body.data.qpos[:2]
        slow = skill == "unload" and x > ahead - 1.2
        if skill == "stop":
            ahead, left = body.data.body("0/rolling ball").xpos[:2]
        distance = math.hypot(ahead - x, left - y)
        # First in front of it, then through; or around an obstacle.
        before = {"tunnel": 0.9, "crawl": 0.9, "unload": 1.0, "avoid": 1.2}.get(skill, 0.0)
        if x < ahead - before - 0.05:
            ahead -= before
            left = math.copysign(0.75, left) if skill == "avoid" else left
        elif skill in ("tunnel", "crawl"):
            ahead += 2.0
        yaw = math.atan2(body.rotation[1, 0], body.rotation[0, 0])
        bearing = math.remainder(math.atan2(left - y, ahead - x) - yaw, 2 * math.pi)
        if slow and distance < 0.72 and abs(bearing) < 0.1:
            self.bows_at = min(self.bows_at, time + 1.0)
        if self.bows_at < math.inf:
            return gait("stand", pitch=0.4 if time > self.bows_at else 0.0)
        return gait(
            "trot",
            forward=(0.25 if slow else 0.6) * max(math.cos(bearing), 0.0) ** 2,
            yaw_rate=min(max(2 * bearing, -1.0), 1.0),
            height=-0.14 if skill == "crawl" else 0.0,
            swing=0.05 if skill == "crawl" else 0.08,
        )


@pytest.mark.parametrize("instruction", EACH)
def test_each_task_can_be_done_in_its_time(instruction):
    robot = "go1" if "triangle" in instruction or "ball" in instruction else "go2"
    task = draw(instruction, seed=3, bar=0.25)
    body, controller, guide = Body(world(task, robot)), Gait(find_robot(robot)), Guide(task)
    body.reset(np.random.default_rng(0))
    steps = 0
    while not course.achieved(task, body):
        assert not body.fallen
        assert steps < task.seconds / 0.002
        command = guide.command(body, steps * 0.002)
        body.step(controller.step(body.observation, command).efforts)
        steps += 1


def test_a_bar_stops_who_does_not_crouch():
    task = Task("crawl", "", (CourseObject("bar", "red", (1.2, 0.0)),), 20.0, bar=0.25)
    body, controller = Body(world(task)), Gait(find_robot("go2"))
    body.reset(np.random.default_rng(0))
    for _ in range(2500):
        body.step(controller.step(body.observation, gait("trot", forward=0.5)).efforts)
        assert not course.achieved(task, body)


def test_the_ball_stays_on_the_back_of_who_trots():
    body, controller = Body(world("unload the ball into the red traybox")), Gait(find_robot("go2"))
    body.reset(np.random.default_rng(0))
    for _ in range(1500):
        command = gait("trot", forward=0.5, yaw_rate=0.5)
        body.step(controller.step(body.observation, command).efforts)
    ball = body.rotation.T @ (body.data.body("load/load").xpos - body.data.qpos[:3])
    assert ball == pytest.approx([-0.05, 0.0, 0.125], abs=0.05)


def test_a_ball_that_rolls_comes_closer():
    task = draw("stop the red ball", 2)
    body = Body(world(task))
    body.reset(np.random.default_rng(0))
    for _ in range(1000):
        body.step(np.zeros(12))
    ahead, left, _ = body.data.body("0/rolling ball").xpos
    assert task.objects[0].position[0] - ahead == pytest.approx(0.05 * 2.0, abs=5e-3)
    assert left == pytest.approx(task.objects[0].position[1], abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"instruction": "fly to the moon"}, "no task 'fly to the moon': there are go to the COL"),
        ({"instruction": "go to the grey cube"}, "where COLOUR is blue|green"),
        ({"instruction": "distinguish letter f"}, "LETTER a|b"),
        ({"instruction": "crawl under the bar", "bar": 0.1}, "underside is at 0.2, 0.25, 0.3 m"),
        ({"instruction": "crawl under the bar", "others": ["beige"]}, "no colour beige: there are"),
        ({"instruction": "go to the red cube", "others": ["red"]}, "must be another colour"),
    ],
)
def test_tasks_that_can_not_be_are_refused(arguments, words):
    with pytest.raises(ConfigurationError, match=words.replace("|", r"\|")):
        draw(**arguments)


@given(st.text())
def test_words_are_a_task_or_refused(words):
    with pytest.raises(ConfigurationError, match="no task"):
        draw(f"go to the red {words}")


def test_a_simulation_node_finds_the_course_by_name():
    arguments = {"task": "unload the ball into the blue traybox", "robot": "go1", "seed": 4}
    found = worlds.load("neuro_control.quadruped.simulation.course:world", arguments).model
    trays = [found.body(f"{number}/traybox").pos[:2] for number in (0, 1)]
    drawn = draw(arguments["task"], seed=4)
    np.testing.assert_allclose(trays, [each.position for each in drawn.objects])
    # Joints of the robot come first, and then the ball's.
    assert [found.joint(j).name for j in range(1, 14)] == [*JOINTS, "load/load"]


def test_worlds_that_can_not_be_are_refused():
    for arguments in ({"robot": "spot"}, {"noise": math.nan}, {"friction": 5.0}):
        with pytest.raises(ConfigurationError):
            world("go to the red cube", **arguments)


SEES = """
import sys
import time
import numpy as np
from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import gait
from neuro_control.quadruped.control.gait import Gait
from neuro_control.quadruped.control.robots import find_robot
from neuro_control.simulation.rendering import choose_gl
try:
    choose_gl()
    from neuro_control.quadruped.simulation.camera import Camera
    from neuro_control.quadruped.simulation.course import world
    from neuro_control.quadruped.simulation.body import Body
    found = {}
    for text in sys.argv[2:]:
        body = Body(world(text, seed=1))
        body.reset(np.random.default_rng(0))
        camera = Camera(body.model)
        found[text] = camera.look(body.data)
        if text != sys.argv[-1]:
            camera.close()
    # Two seconds of control and pictures; the first step compiles.
    controller, walk = Gait(find_robot("go2")), gait("trot", forward=0.5)
    body.step(controller.step(body.observation, walk).efforts)
    start = time.process_time()
    for step in range(1000):
        body.step(controller.step(body.observation, walk).efforts)
        if step % 50 == 0:
            camera.look(body.data)
    found["seconds"] = time.process_time() - start
    camera.close()
    np.savez(sys.argv[1], **found)
except ConfigurationError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What the head's camera sees at the start of some tasks; in a process that may have GL."""
    path = tmp_path_factory.mktemp("seen") / "seen.npz"
    texts = [f"go to the {colour} cube" for colour in COLOURS]
    texts += [f"distinguish letter {letter}" for letter in "ae"]
    done = subprocess.run(
        [sys.executable, "-c", SEES, path, *texts], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    if not path.is_file():
        pytest.skip(done.stdout)
    with np.load(path) as found:
        return {text: found[text].astype(float) for text in found.files}


@pytest.mark.parametrize("colour", COLOURS)
def test_the_head_sees_the_targets_colour_where_the_target_is(seen, colour):
    text = f"go to the {colour} cube"
    image = seen[text]
    assert image.shape == (224, 224, 3)
    ahead, left = draw(text, 1).objects[0].position
    # A camera of 75° at 0.3 m ahead and 0.32 m up looks straight on; the cube's middle is lower.
    focal = 112 / math.tan(math.radians(37.5))
    row = round(112 + focal * (0.32 - 0.25) / (ahead - 0.25 - 0.3))
    column = round(112 - focal * left / (ahead - 0.25 - 0.3))
    pixel = image[row - 2 : row + 3, column - 2 : column + 3].mean(axis=(0, 1))
    true = np.array(COLOURS[colour], dtype=float)
    cosine = pixel @ true / np.linalg.norm(pixel) / np.linalg.norm(true)
    assert cosine > 0.99


def test_letters_look_different(seen):
    first, second = (seen[f"distinguish letter {letter}"] for letter in "ae")
    # Dark ink on both blocks, and not in the same places.
    assert (first.min(axis=2) < 60).sum() > 20
    assert (np.abs(first - second).max(axis=2) > 60).sum() > 20


def test_ten_pictures_a_second_and_control_take_less_than_real_time_on_one_core(seen):
    # Of processor time, all threads together, which other work on the machine hardly moves.
    assert seen["seconds"] < 2.0
