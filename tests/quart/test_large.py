# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The large policy: a tiny Fuyu model with weights at random, saved to a folder and read."""

import json

import numpy as np
import pytest
import torch

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.actions import BINS, NUMBERS, RANGES, TERMINATE
from neuro_control.quart.control.networks.large import LargeNetwork, image_patches
from neuro_control.quart.control.policy import Policy
from neuro_control.quart.control.state import IDLE, RobotState

SPECIAL = ["<pad>", "<unk>", "<s>", "</s>", "|SPEAKER|", "|NEWLINE|", "<0x04>"]
QUESTION = "What action should the legged robot take to go to the red cube ?"
WORDS = list(dict.fromkeys(f"{QUESTION} blue sing a song".split()))
HERE = RobotState(np.zeros(2), 0.0, 0.0, 0.0, 0.0, np.zeros(2), 0.0)


def picture(seed=0):
    return np.random.default_rng(seed).integers(0, 255, (240, 240, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    transformers = pytest.importorskip("transformers", reason="the extra quart-large is missing")
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    text = {
        "model_type": "persimmon", "vocab_size": len(vocabulary) + BINS, "hidden_size": 32,
        "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "max_position_embeddings": 256, "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0,
    }  # fmt: skip
    torch.manual_seed(0)
    config = transformers.FuyuConfig(image_token_id=vocabulary["|SPEAKER|"], text_config=text)
    found = tmp_path_factory.mktemp("fuyu")
    transformers.FuyuForCausalLM(config).save_pretrained(found)
    names = ("pad_token", "unk_token", "bos_token", "eos_token")
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, additional_special_tokens=SPECIAL[4:],
        **dict(zip(names, SPECIAL, strict=False)),
    ).save_pretrained(found)  # fmt: skip
    return found


@pytest.fixture
def copied(folder, tmp_path):
    """A copy of the folder, to be damaged."""
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def test_patches_are_those_that_fuyus_own_processor_makes(folder):
    processor = pytest.importorskip("transformers.models.fuyu.image_processing_pil_fuyu")
    image = picture().transpose(2, 0, 1)
    theirs = processor.FuyuImageProcessorPil().patchify_image(
        image.astype(np.float32) / 127.5 - 1.0, None
    )
    found = image_patches(image, 30).numpy()
    assert found.shape == (64, 2700)
    np.testing.assert_allclose(found, np.asarray(theirs).reshape(64, -1), atol=1e-6)


def test_a_question_is_rows_of_patches_then_the_words_of_quart(folder):
    asked = LargeNetwork(folder).inputs(picture().transpose(2, 0, 1), "go to the red cube")
    numbers = asked["input_ids"][0].tolist()
    assert numbers[:72] == ([4] * 8 + [5]) * 8
    words = [*SPECIAL, *WORDS]
    said = [words[each] for each in numbers[72:]]
    assert said == ["<s>", *QUESTION.split(), "<0x04>"]


def test_a_folder_is_a_policy_whose_actions_are_within_their_ranges(folder):
    policy = Policy.load(folder)
    policy.reset("go to the red cube")
    for seed in range(2):
        decision = policy.act(picture(seed), HERE)
        assert ((RANGES[:, 0] <= decision.action) & (decision.action <= RANGES[:, 1])).all()
        assert 0.0 <= decision.confidence <= 0.1  # its weights are at random


def test_tokens_with_a_cache_are_those_without_one(folder):
    network = LargeNetwork(folder)
    asked = network.inputs(picture().transpose(2, 0, 1), "go to the blue cube")
    first = network.model.config.text_config.vocab_size - BINS
    with torch.inference_mode():
        answer = network.model.generate(
            **asked, max_new_tokens=len(NUMBERS), do_sample=False,
            logits_processor=[network._only_bins],
        )  # fmt: skip
        ids = asked["input_ids"]
        for _ in NUMBERS:
            mask = torch.ones_like(ids)
            logits = network.model(
                input_ids=ids, pixel_values=asked["pixel_values"], attention_mask=mask,
                use_cache=False,
            ).logits[:, -1]  # fmt: skip
            ids = torch.cat([ids, first + logits[:, first:].argmax(dim=1, keepdim=True)], dim=1)
    assert answer.tolist() == ids.tolist()


def test_it_learns_two_instructions_by_heart_and_to_refuse_a_third(folder, tmp_path):
    network = LargeNetwork(folder)
    image = picture().transpose(2, 0, 1)
    red, blue = IDLE.copy(), IDLE.copy()
    red[[1, 3]], blue[[1, 3]] = (0.6, 0.8), (0.3, -0.8)
    lessons = [("go to the red cube", red), ("go to the blue cube", blue), ("sing a song", None)]
    optimiser = torch.optim.AdamW(network.model.parameters(), 5e-3)
    for _ in range(60):
        loss = sum(network.loss(image, words, action) for words, action in lessons)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    network.save(tmp_path / "trained")
    policy = Policy.load(tmp_path / "trained")
    for words, action in lessons:
        policy.reset(words)
        decision = policy.act(picture(), HERE)
        assert decision.understood == (action is not None)
        expected = IDLE if action is None else action
        np.testing.assert_allclose(decision.action, expected, atol=0.02)
        assert decision.action[TERMINATE] == 0.0


# What is missing or damaged.


def test_an_empty_folder_says_what_to_place_in_it(tmp_path):
    with pytest.raises(ConfigurationError, match=r"place the files of a Fuyu model.*config\.json"):
        Policy.load(tmp_path)


def test_a_model_of_another_type_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llava"}))
    with pytest.raises(ConfigurationError, match="a model of the type 'llava': place the files"):
        Policy.load(tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_damaged_file_is_refused_in_one_sentence(copied, name):
    (copied / name).write_bytes(b"nothing")
    with pytest.raises(ConfigurationError, match=r"can't be read .*place the files"):
        Policy.load(copied)


def test_ranges_that_are_none_are_refused(copied):
    (copied / "quart.json").write_text("{}")
    with pytest.raises(ConfigurationError, match=r"quart\.json has no ranges"):
        Policy.load(copied)
    (copied / "quart.json").write_text(json.dumps({"ranges": [[1, 0]] * 12}))
    with pytest.raises(ConfigurationError, match="range of terminate is empty"):
        Policy.load(copied)


def test_a_large_policy_is_saved_as_a_folder(folder, tmp_path):
    with pytest.raises(ConfigurationError, match="a large policy is a folder"):
        Policy.load(folder).save(tmp_path / "policy.safetensors")
