# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Instructions, tasks, tokens and the state vector: what a policy reads and says."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import Command
from neuro_control.quart.control import actions, language
from neuro_control.quart.control.actions import RANGES, ActionTokens, gait_command
from neuro_control.quart.control.instructions import (
    Understood,
    draw,
    say,
    understand,
)
from neuro_control.quart.control.state import IDLE, SIZE, Memory, RobotState, state_vector
from neuro_control.quart.control.tasks import BARS, KINDS, LETTERS, SEEN, SKILLS, UNSEEN, draw_task

EACH = {
    "go to the red cube": "go_to",
    "go to the gold ball and avoid the obstacle": "avoid",
    "go through the green rectangle tunnel": "tunnel",
    "go through the pink triangle tunnel": "tunnel",
    "crawl under the bar": "crawl",
    "distinguish letter c": "distinguish",
    "unload the ball into the yellow traybox": "unload",
    "stop the blue ball slowly with a trotting gait": "stop",
}
ACTIONS = st.tuples(*(st.floats(low, high) for low, high in RANGES.tolist())).map(np.array)


@pytest.mark.parametrize(("instruction", "skill"), EACH.items())
def test_what_quard_says_is_understood_and_said_again(instruction, skill):
    meant = understand(instruction)
    assert meant.skill == skill
    assert say(meant, manner="gait" in instruction) == instruction


def test_an_instruction_that_is_none_is_refused_with_what_there_is():
    for words in ("fly to the moon", "go to the mauve cube", "distinguish letter ä", ""):
        with pytest.raises(ConfigurationError, match=r"there are go to the COLOUR cube\|ball"):
            understand(words)


@given(st.text())
def test_words_are_a_task_or_refused(words):
    with pytest.raises(ConfigurationError, match="no task"):
        draw(f"go to the red {words}")


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
        assert task.target.colour not in {each.colour for each in task.objects[1:]}
        if task.skill == "avoid":
            assert others[1][0] == pytest.approx(ahead - 1.5)
            assert abs(others[1][1]) <= 0.1
    assert order in ({True, False}, set())


@pytest.mark.parametrize("skill", SKILLS)
def test_in_a_hard_draw_shape_does_not_tell_the_target(skill):
    for seed in range(20):
        kind = KINDS[skill][seed % len(KINDS[skill])]
        colour = LETTERS[seed % 5] if kind == "letter" else SEEN[seed % 4]
        task = draw_task(skill, kind, colour, np.random.default_rng(seed), pair="hard")
        if skill == "crawl":
            assert 0.8 <= abs(task.target.position[1]) <= 1.1
        else:
            assert task.objects[1].kind == task.target.kind == kind
            assert task.objects[1].colour != task.target.colour


def test_the_same_seed_is_the_same_task_and_another_is_another():
    for instruction in EACH:
        assert draw(instruction, 3) == draw(instruction, 3)
        assert draw(instruction, 3) != draw(instruction, 4)


def test_others_have_the_colours_that_they_may_have():
    tasks = [draw("crawl under the bar", seed, others=UNSEEN) for seed in range(40)]
    assert {task.target.colour for task in tasks} == set(UNSEEN)
    assert {task.bar for task in tasks} == set(BARS)
    seen = [draw("unload the ball into the red traybox", seed) for seed in range(40)]
    assert {task.load for task in seen} == set(SEEN) - {"red"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"instruction": "crawl under the bar", "bar": 0.1}, "underside is at 0.2, 0.25, 0.3 m"),
        ({"instruction": "crawl under the bar", "others": ["mauve"]}, "no colour mauve: there are"),
        ({"instruction": "go to the red cube", "others": ["red"]}, "must be another colour"),
        ({"instruction": "go to the red cube", "pair": "odd"}, "no pair 'odd': there are easy, h"),
    ],
)
def test_tasks_that_can_not_be_are_refused(arguments, words):
    with pytest.raises(ConfigurationError, match=words):
        draw(**arguments)


# Actions and tokens.


def test_tokens_are_quarts_worked_out_by_hand():
    action = IDLE.copy()
    action[1], action[3], action[10] = 0.45, -1.2, 0.4
    tokens = ActionTokens().encode(action)
    # (0.45 + 0.3) / 1.5 · 255 = 127.5; the lowest and the highest of a range.
    assert tokens[[1, 3, 10]].tolist() == [127, 0, 255]
    # -0.3 + 127 · 1.5 / 256, -1.2, and -0.4 + 255 · 0.8 / 256.
    assert ActionTokens().decode(tokens)[[1, 3, 10]] == pytest.approx([0.444140625, -1.2, 0.396875])


@given(ACTIONS)
def test_an_action_and_its_tokens_differ_by_less_than_two_bins(action):
    tokens = ActionTokens().encode(action)
    assert ((tokens >= 0) & (tokens <= 255)).all()
    bins = (RANGES[:, 1] - RANGES[:, 0]) / 256
    assert (np.abs(ActionTokens().decode(tokens) - action) < 2 * bins).all()


@given(ACTIONS)
def test_each_action_makes_a_gait_command_within_its_ranges(action):
    command = gait_command(action)
    assert command.clamped()[1] == []
    if action[actions.TERMINATE] > 0.5:
        assert (command.forward, command.left, command.yaw_rate) == (0.0, 0.0, 0.0)
        assert command.duration == 1.0


def test_numbers_go_to_the_fields_of_their_names():
    action = np.array([0.0, 0.5, -0.1, 0.3, -0.05, 2.5, 0.5, 0.1, 0.2, 0.12, -0.2, 0.2])
    assert gait_command(action) == Command(
        forward=0.5, left=-0.1, yaw_rate=0.3, height=-0.05, frequency=2.5, phase=0.5, offset=0.1,
        bound=0.2, swing=0.12, pitch=-0.2, width=0.2,
    )  # fmt: skip


@pytest.mark.parametrize("action", [np.zeros(11), np.full(12, np.nan), np.full(12, np.inf)])
def test_what_is_no_action_is_refused(action):
    with pytest.raises(ConfigurationError, match="an action is 12 finite numbers"):
        gait_command(action)


def test_ranges_that_can_not_be_are_refused():
    ranges = RANGES.copy()
    ranges[4] = ranges[4, ::-1]
    with pytest.raises(ConfigurationError, match="the range of height is empty"):
        ActionTokens(ranges)
    with pytest.raises(ConfigurationError, match="12 pairs of finite numbers"):
        ActionTokens(np.zeros((3, 2)))


# Words.


def test_a_typing_error_changes_few_letter_groups():
    right, wrong = (language.encode(f"go to the {word}") for word in ("yellow", "yelow"))
    assert (right[:3] == wrong[:3]).all()
    shared = set(right[3][right[3] >= 0]) & set(wrong[3][wrong[3] >= 0])
    assert len(shared) >= 3


def test_case_and_punctuation_do_not_count():
    plain = language.encode("go to the red cube")
    assert (language.encode("Go to the RED cube!") == plain).all()


@pytest.mark.parametrize(
    ("words", "reason"),
    [("", "is empty"), (" ... ", "is empty"), ("x" * 10_000, "the limit is 400"),
     ("go\x07to", "control characters")],
)  # fmt: skip
def test_what_is_no_text_is_refused(words, reason):
    with pytest.raises(ConfigurationError, match=reason):
        language.encode(words)


@given(st.text(max_size=400))
def test_any_text_is_encoded_or_refused(text):
    try:
        found = language.encode(text)
    except ConfigurationError:
        return
    assert found.shape == (language.WORDS, language.GROUPS)
    assert ((found >= -1) & (found < language.BUCKETS)).all()


# State and memory.


def state(x=0.0, y=0.0, yaw=0.0):
    return RobotState(np.array([0.5, 0.0]), 0.0, 0.0, 0.0, 0.0, np.array([x, y]), yaw)


def test_a_target_out_of_sight_is_remembered_where_it_was():
    memory = Memory()
    assert memory.place(state()) is None
    memory.saw(state(), np.array([3.0, 1.0]), 0.1)
    # One metre ahead, turned left by 90°: 2 m and 1 m away, which is (1, -2) as the robot looks.
    memory.saw(state(1.0, 0.0, math.pi / 2), None, 0.1)
    assert memory.place(state(1.0, 0.0, math.pi / 2)) == pytest.approx([1.0, -2.0])


def test_a_memory_ends_with_its_time():
    memory = Memory()
    memory.saw(state(), np.array([1.0, 0.0]), 0.1)
    for _ in range(16):
        memory.saw(state(), None, 1.0)
    assert memory.place(state()) is None


def test_the_trace_follows_the_bows_with_its_time_constant():
    memory, action = Memory(), IDLE.copy()
    action[10] = 0.4
    for _ in range(10):
        memory.did(action, 0.1)
    assert memory.bows == pytest.approx([0.4, 0.4 * (1.0 - math.exp(-1.0))])


def test_a_state_vector_has_numbers_of_about_one():
    found = state_vector(state().motion(), np.array([0.4, -0.4]), np.array([3.0, -3.0]))
    assert found.shape == (SIZE,)
    assert found[:2] == pytest.approx([1.0, -1.0])
    assert found[-3:] == pytest.approx([1.0, 1.0, -1.0])
    assert state_vector(state().motion(), np.zeros(2), None)[-3:] == pytest.approx(0.0)
    assert Understood("go_to", "cube", "red").manner == "normally"
