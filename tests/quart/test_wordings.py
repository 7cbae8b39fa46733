# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Wordings: what training shows is apart from what the test keeps, and what is no task is none."""

import itertools

import numpy as np
import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control import language, wordings
from neuro_control.quart.control.instructions import FORMS, WORDINGS, Understood, say, understand
from neuro_control.quart.control.tasks import KINDS, MANNERS, SEEN, SKILLS
from neuro_control.quart.training.data.foreign import SEEN_LANGUAGES, UNSEEN_LANGUAGES
from neuro_control.quart.training.data.phrases import NO_TASKS, mistyped, no_task


def meant(skill, rng):
    kind = KINDS[skill][int(rng.integers(len(KINDS[skill])))]
    colour = "" if kind == "bar" else "c" if kind == "letter" else str(rng.choice(SEEN))
    return Understood(skill, kind, colour, str(rng.choice(MANNERS)))


def shown():
    """All that a sentence of training is put together of."""
    tables = (
        *(wordings.SEEN_VERBS, wordings.FRAMES, wordings.SEEN_SENTENCES),
        *(wordings.SEEN_NOUNS, wordings.SEEN_MANNERS),
    )
    texts = [text for table in tables for texts in table.values() for text in texts]
    return [*texts, *wordings.SEEN_BEFORE, *wordings.SEEN_BEHIND, *FORMS.values()]


def kept(*tables):
    return [text for table in tables for texts in table.values() for text in texts]


def test_sentences_and_courtesies_of_the_test_are_none_of_the_training():
    seen = set(shown())
    assert not seen & {
        *kept(wordings.UNSEEN_SENTENCES, wordings.UNSEEN_MANNERS),
        *(wordings.UNSEEN_BEFORE + wordings.UNSEEN_BEHIND),
    }


def test_training_shows_no_word_of_a_noun_or_verb_that_the_test_keeps():
    words = set(" ".join(shown()).split())
    nouns = {text.split()[-1] for text in kept(wordings.UNSEEN_NOUNS)}
    assert not nouns & words
    # A verb may share its preposition with others.
    small = {"to", "under", "through", "the", "ball", "in", "into", "over", "at", "bring", "rest"}
    small |= {"yourself", "point"}
    assert not set(" ".join(kept(wordings.UNSEEN_VERBS)).split()) - small & words


@pytest.mark.parametrize("skill", SKILLS)
@pytest.mark.parametrize("name", WORDINGS)
def test_each_wording_names_its_target_and_fits_the_words_that_are_read(skill, name):
    rng = np.random.default_rng(0)
    found = set()
    for _ in range(300):
        task = meant(skill, rng)
        text = say(task, rng, name)
        found.add(text)
        assert {task.colour} <= {"", *language.words_of(text)}
        assert "{" not in text
        assert len(language.words_of(text)) <= language.WORDS
    # Training has many; each of the others one or more for each of three manners.
    assert len(found) > (200 if name == "seen" else 2)


def test_without_a_generator_a_task_is_said_as_quard_says_it():
    for skill, wording in itertools.product(SKILLS, ("quard", "seen")):
        task = meant(skill, np.random.default_rng(1))
        assert understand(say(task, None, wording)) == task


def test_wordings_that_there_are_not_are_refused():
    with pytest.raises(ConfigurationError, match="no wordings 'rude': there are quard, seen"):
        say(Understood("crawl", "bar", ""), None, "rude")


@pytest.mark.parametrize("kind", NO_TASKS)
def test_what_is_no_task_has_words_of_its_own_for_the_test(kind):
    draws = {
        split: {no_task(np.random.default_rng(seed), split, kind) for seed in range(400)}
        for split in ("seen", "unseen")
    }
    assert min(map(len, draws.values())) >= 30
    if kind != "letters":
        assert not draws["seen"] & draws["unseen"]
    for text in draws["seen"] | draws["unseen"]:
        language.encode(text)
        with pytest.raises(ConfigurationError, match="no task"):
            understand(text)


def test_languages_of_the_test_are_none_of_the_training():
    assert not set(SEEN_LANGUAGES) & set(UNSEEN_LANGUAGES)
    seen, unseen = (
        {text for each in languages.values() for text in each.sentences}
        for languages in (SEEN_LANGUAGES, UNSEEN_LANGUAGES)
    )
    assert not seen & unseen


def test_what_is_no_task_is_refused_where_there_is_no_such_kind():
    rng = np.random.default_rng(0)
    with pytest.raises(ConfigurationError, match="no split 'all'"):
        no_task(rng, "all")
    with pytest.raises(ConfigurationError, match="no kind 'poem' of what is no task"):
        no_task(rng, "seen", "poem")


def test_a_typing_error_is_one_and_changes_at_most_two_words():
    rng, text = np.random.default_rng(0), "go through the green tunnel"
    found = {mistyped(text, rng) for _ in range(300)}
    assert len(found) > 60
    for wrong in found:
        assert abs(len(wrong) - len(text)) <= 1
        assert len(set(text.split()) - set(wrong.split())) <= 2
    assert mistyped("12 34", rng) == "12 34"
