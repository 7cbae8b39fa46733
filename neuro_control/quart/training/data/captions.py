# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Captioned pictures: a phrase, and where what it names is seen; no action belongs to them.

QUART learns beside its actions from pictures with words, so that it knows objects that no action
data show. These pictures do the same for colours, letters and shapes: a policy learns where the
"gold cube" is, and what to do about cubes from data that have no gold one.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from neuro_control.quart.control.tasks import (
    COLOURS,
    KINDS,
    LETTERS,
    SKILLS,
    UNSEEN_LETTERS,
    draw_task,
)
from neuro_control.quart.simulation.scenery import Scenery, draw_scenery
from neuro_control.quart.training.data.moments import Moment, in_view, moment_of

# Skills whose targets have a colour or are letters, and how often a piece of furniture is named.
_NAMED = tuple(skill for skill in SKILLS if skill != "crawl")
_FURNITURE, _HARD = 0.12, 0.75


def draw_caption(scenery: str, rng: np.random.Generator) -> Moment:
    """A captioned picture at random.

    Args:
        scenery: Split of the worlds.
        rng: Draws it.
    """
    skill = str(rng.choice(_NAMED))
    kind = str(rng.choice(KINDS[skill]))
    letters = (*LETTERS, *UNSEEN_LETTERS)
    named = letters if kind == "letter" else tuple(COLOURS)
    colour = str(rng.choice(named))
    text = f"letter {colour}" if kind == "letter" else f"{colour} {kind}"
    pair = "hard" if rng.random() < _HARD else "easy"
    task = draw_task(
        skill,
        kind,
        colour,
        rng,
        instruction=text,
        pair=pair,
        others=tuple(COLOURS),
        letters=letters,
    )
    surrounded: Scenery = draw_scenery(scenery, rng)
    moment = moment_of(task, surrounded, rng)
    if surrounded.furniture and rng.random() < _FURNITURE:
        moment = _about_furniture(moment, rng)
    return dataclasses.replace(moment, acts=False)


def _about_furniture(moment: Moment, rng: np.random.Generator) -> Moment:
    """The same picture, its caption about a piece of furniture."""
    pieces = moment.scenery.furniture
    piece = pieces[int(rng.integers(len(pieces)))]
    ahead, left = np.array(piece.position) - moment.position[:2]
    yaw = moment.angles[0]
    place = np.array(
        [np.cos(yaw) * ahead + np.sin(yaw) * left, np.cos(yaw) * left - np.sin(yaw) * ahead]
    )
    return dataclasses.replace(
        moment,
        text=piece.kind,
        place=place,
        visible=in_view(place),
        state=_forgetful(moment.state),
    )


def _forgetful(state: NDArray[np.float64]) -> NDArray[np.float64]:
    """The state without a belief of where the target is."""
    state = state.copy()
    state[-3:] = 0.0
    return state
