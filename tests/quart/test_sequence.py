# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Instructions of several parts: where they are split, and where they are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.instructions import WORDINGS, say
from neuro_control.quart.control.sequence import MOST_PARTS, parts_of
from neuro_control.quart.training.data.moments import Draws, draw_meaning

RED, BAR = "go to the red cube", "crawl under the bar"


@pytest.mark.parametrize(
    ("instruction", "parts"),
    [
        (f"{RED}, then {BAR}", [RED, BAR]),
        (f"{RED} and then {BAR} slowly", [RED, f"{BAR} slowly"]),
        (f"First {RED}. Then {BAR}.", [RED, BAR]),
        (f"{RED}; {BAR}", [RED, BAR]),
        (f"{RED} and {BAR}", [RED, BAR]),
        (f"{RED}, after that {BAR}, finally stop the blue ball", [RED, BAR, "stop the blue ball"]),
        (f"{RED}, {BAR} and stop the blue ball", [RED, BAR, "stop the blue ball"]),
        (f"{RED}, and when you are there {BAR}", [RED, BAR]),
        (f"{RED}, then the blue ball", [RED, "go to the blue ball"]),
        (f"{RED} and the blue ball", [RED, "go to the blue ball"]),
        (f"{RED}, then through the blue rectangle tunnel",
         [RED, "go through the blue rectangle tunnel"]),
        ("unload the ball into the red traybox, then into the blue traybox",
         ["unload the ball into the red traybox", "unload the ball into the blue traybox"]),
        ("find letter a, then letter b", ["find letter a", "find letter b"]),
        (f"{RED} and avoid the obstacle, then {BAR}", [f"{RED} and avoid the obstacle", BAR]),
        (f"{RED.upper()}, THEN {BAR.upper()}", [RED.upper(), BAR.upper()]),
        ("then", ["then"]),
        ("", [""]),
    ],
)  # fmt: skip
def test_an_instruction_is_split_where_a_task_ends(instruction, parts):
    assert parts_of(instruction) == parts


@pytest.mark.parametrize("wordings", WORDINGS)
def test_no_wording_of_one_task_is_split(wordings):
    rng = np.random.default_rng(3)
    for _ in range(1500):
        text = say(draw_meaning(Draws(), rng), rng, wordings)
        assert parts_of(text) == [text]


@pytest.mark.parametrize("wordings", WORDINGS)
def test_two_tasks_of_any_wording_are_two_parts(wordings):
    rng = np.random.default_rng(4)
    for _ in range(500):
        first, second = (say(draw_meaning(Draws(), rng), rng, wordings) for _ in range(2))
        assert len(parts_of(f"{first}, then {second}")) == 2


def test_too_many_parts_are_refused():
    assert len(parts_of(", then ".join([RED] * MOST_PARTS))) == MOST_PARTS
    with pytest.raises(ConfigurationError, match=r"has 9 parts, the limit is 8"):
        parts_of(", then ".join([RED] * (MOST_PARTS + 1)))


@given(st.text(max_size=400))
def test_any_text_has_parts_or_is_refused(text):
    try:
        found = parts_of(text)
    except ConfigurationError:
        return
    assert len(found) == 1 or all(each.strip() for each in found)
