# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""When a task is done: the published test by places, the strict one by short stories."""

import math

import numpy as np
import pytest

from neuro_control.quart.control.judge import Moment, StrictJudge, published
from neuro_control.quart.control.tasks import CourseObject, Task


def task(skill, target, kind="cube", other=(3.0, -0.75), beside=None):
    objects = (CourseObject(kind, "red", target), CourseObject(beside or kind, "blue", other))
    return Task(skill, skill, objects, 20.0, bar=0.25, load="blue")


def at(time, x, y=0.0, yaw=0.0, **rest):
    return Moment(time, np.array([x, y]), yaw, **rest)


def story(judge, *moments):
    for moment in moments:
        judge.see(moment)
    return judge


@pytest.mark.parametrize(
    ("skill", "target", "where", "done"),
    [
        ("go_to", (3.0, 0.8), (2.4, 0.1), True),  # 0.92 m away
        ("go_to", (3.0, 0.8), (2.2, 0.1), False),  # 1.06 m
        ("avoid", (3.0, -0.8), (3.0, 0.1), True),  # 0.9 m
        ("tunnel", (3.0, 0.7), (3.1, 0.7), True),  # 0.9 m before the point behind it
        ("tunnel", (3.0, 0.7), (2.9, 0.7), False),  # 1.1 m
        ("crawl", (2.0, 0.3), (2.6, 0.3), True),  # 0.9 m before (3.5, 0.3)
        ("crawl", (2.0, 0.3), (2.4, 0.3), False),
    ],
)
def test_published_near_enough_is_there(skill, target, where, done):
    assert published(task(skill, target), at(1.0, *where)) is done


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
def test_published_a_letter_is_distinguished_by_standing_before_it_or_facing_it(where, yaw, done):
    assert published(task("distinguish", (3.0, 0.75), "letter"), at(1.0, *where, yaw)) is done


def test_published_a_task_with_a_ball_is_judged_by_the_ball():
    unload = task("unload", (3.0, 0.7), "traybox")
    stop = task("stop", (3.0, 0.7), "rolling ball")
    assert published(unload, at(1, 2.3, 0.7, ball=np.array([2.94, 0.76, 0.1])))  # 0.085 m
    assert not published(unload, at(1, 2.3, 0.7, ball=np.array([2.92, 0.78, 0.1])))  # 0.113 m
    assert published(stop, at(1, 2.3, 0.7, ball=np.array([3.1, 0.3, 0.2])))  # 0.89 m away
    assert not published(stop, at(1, 2.3, 0.7, ball=np.array([3.3, 0.7, 0.2])))
    with pytest.raises(ValueError, match="depends on the ball, and"):
        published(unload, at(1, 2.3, 0.7))


def test_whoever_walks_between_two_objects_passes_the_published_test_only():
    between = task("go_to", (3.0, 0.75))
    judge = StrictJudge(between)
    way = [at(0.1 * n, 0.1 * n) for n in range(31)]
    story(judge, *way, at(3.2, 3.0, terminated=True))
    assert any(published(between, moment) for moment in way)
    assert not judge.success
    assert judge.reason == "it did not come near the target first"


def test_going_to_the_target_and_ending_there_is_a_success():
    judge = StrictJudge(task("go_to", (3.0, 0.75)))
    story(judge, at(0.0, 0.0), at(4.0, 2.1, 0.55), at(4.1, 2.15, 0.55, terminated=True))
    assert judge.success
    assert judge.reason == ""


@pytest.mark.parametrize(
    ("moments", "reason"),
    [
        ([at(4.0, 2.1, 0.55)], "it did not end"),
        ([at(2.0, 1.0, terminated=True)], "it ended before it was done"),
        ([at(4.0, 2.1, 0.55, touched=frozenset({1}), terminated=True)], "it touched the cube"),
        ([at(20.2, 1.0), at(21.0, 2.1, 0.55, terminated=True)], "it took too long"),
    ],
)
def test_going_to_a_target_fails_for_a_reason_that_is_said(moments, reason):
    judge = story(StrictJudge(task("go_to", (3.0, 0.75))), at(0.0, 0.0), *moments)
    assert not judge.success
    assert judge.reason == reason


def test_a_tunnel_is_gone_through_from_end_to_end_and_no_other():
    def walk(left, *, starts=0.0, ends=5.0):
        judge = StrictJudge(task("tunnel", (3.0, 0.75), "rectangle tunnel"))
        places = np.arange(starts, ends, 0.1)
        story(judge, *(at(0.1 * n, x, left) for n, x in enumerate(places)))
        return story(judge, at(10.0, ends, left, terminated=True))

    assert walk(0.75).success
    assert walk(1.05).success  # 0.30 m aside: within the opening
    assert walk(1.15).reason == "it went by beside the opening"
    assert walk(0.0).reason == "it went by beside the opening"
    assert walk(-0.75).reason == "it took the wrong opening"
    assert not walk(0.75, ends=3.3).success  # still inside
    assert not walk(0.75, starts=2.9).success  # it never went in


def test_a_bar_is_passed_between_its_posts():
    def walk(left):
        bar = Task("crawl", "crawl", (CourseObject("bar", "red", (2.0, 0.9)),), 20.0, bar=0.25)
        judge = StrictJudge(bar)
        story(judge, *(at(0.1 * n, 0.1 * n, left) for n in range(30)))
        return story(judge, at(4.0, 3.0, left, terminated=True))

    assert walk(0.9).success
    assert not walk(0.0).success
    assert walk(0.0).reason == "it went by beside the opening"


def test_the_first_letter_that_is_faced_counts_and_the_robot_stands_before_it():
    left = math.atan2(0.75, 3.0)
    letters = task("distinguish", (3.0, 0.75), "letter")
    right_one = [at(0.1 * n, 0.0, 0.0, left, speed=0.0) for n in range(1, 8)]
    judge = story(StrictJudge(letters), at(0.0, 0.0), *right_one[:3])
    assert not judge.done  # it has stood for 0.2 s
    story(judge, *right_one[3:], at(1.0, 0.0, 0.0, left, terminated=True))
    assert judge.success
    walks = [moment._replace(speed=0.4) for moment in right_one]
    assert not story(StrictJudge(letters), at(0.0, 0.0), *walks).done
    other_first = [at(0.1, 0.0, 0.0, -left), *right_one, at(1.0, 0, 0, left, terminated=True)]
    judge = story(StrictJudge(letters), at(0.0, 0.0), *other_first)
    assert judge.reason == "the first letter that it faced is the other one"


def test_a_ball_must_still_lie_in_the_tray_two_seconds_later():
    trays = task("unload", (3.0, 0.75), "traybox")
    inside, outside = np.array([3.1, 0.85, 0.05]), np.array([3.3, 0.75, 0.04])
    ends = [at(0.1 * n, 2.3, 0.75, ball=inside, terminated=n > 5) for n in range(24)]
    assert story(StrictJudge(trays), *ends[:19]).reason == "it ended before it was done"
    assert story(StrictJudge(trays), *ends).success
    rolls_out = [*ends[:19], *(moment._replace(ball=outside) for moment in ends[19:])]
    assert not story(StrictJudge(trays), *rolls_out).success


def test_a_rolling_ball_must_lie_still_at_the_robot_that_has_touched_it():
    balls = task("stop", (3.0, 0.75), "rolling ball")
    ball = np.array([2.9, 0.75, 0.2])
    rest = {"ball": ball, "touched": frozenset({0}), "ball_speed": 0.001}
    stays = [at(0.1 * n, 2.3, 0.75, terminated=n > 3, **rest) for n in range(8)]
    assert story(StrictJudge(balls), *stays).success
    rolls = [moment._replace(ball_speed=0.05) for moment in stays]
    assert not story(StrictJudge(balls), *rolls).success
    untouched = [moment._replace(touched=frozenset()) for moment in stays]
    assert not story(StrictJudge(balls), *untouched).success
    other = [moment._replace(touched=frozenset({0, 1})) for moment in stays]
    assert story(StrictJudge(balls), *other).reason == "it touched the rolling ball"
