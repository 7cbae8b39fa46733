# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Settings of a network: its architecture, its sizes, what its tokens mean; it needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from neuro_control.errors import ConfigurationError

ARCHITECTURES = ("small", "transformer")
LARGE = "large"
"""Architecture of a model that is read from a folder, not built here."""
TOKENIZERS = ("bins", "codebook")
DECODINGS = ("parallel", "autoregressive")


@dataclass(frozen=True)
class NetworkSize:
    """What tells one network from another.

    Attributes:
        architecture: ``small``, ``transformer``, or ``large``, which is read from a folder.
        image: Height and width of a picture, pixels.
        channels: Channels of the three stages of convolutions.
        words: Length of a word's vector.
        hidden: Width of the layers that join picture, words and state; of a transformer's tokens.
        sentence: Length of the vector of a frozen sentence encoder, 0 without one.
        chunk: Number of actions that are said at once, each for 0.1 s.
        tokenizer: ``bins``: 12 tokens of 256 bins an action; ``codebook``: 4 tokens of 512 codes
            a chunk (residual vector quantisation).
        decoding: ``parallel``: all tokens at once; ``autoregressive``: each token in the light of
            those before it, which a transformer can.
        depth: Number of a transformer's blocks.
        heads: Number of heads of its attention.
    """

    architecture: str = "small"
    image: int = 96
    channels: tuple[int, int, int] = (16, 32, 64)
    words: int = 96
    hidden: int = 256
    sentence: int = 0
    chunk: int = 1
    tokenizer: str = "bins"
    decoding: str = "parallel"
    depth: int = 4
    heads: int = 4

    def __post_init__(self) -> None:
        _one_of("architecture", self.architecture, (*ARCHITECTURES, LARGE))
        _one_of("tokenizer", self.tokenizer, TOKENIZERS)
        _one_of("decoding", self.decoding, DECODINGS)
        if len(self.channels) != 3:
            raise ConfigurationError(f"channels are three whole numbers, not {self.channels}")
        if self.decoding == "autoregressive" and self.architecture != "transformer":
            raise ConfigurationError(
                "only a transformer decodes autoregressively: give the architecture transformer, "
                "or the decoding parallel"
            )
        whole = (self.image, *self.channels, self.words, self.hidden, self.chunk, self.depth)
        if min(whole) < 1 or self.sentence < 0 or self.hidden % self.heads:
            raise ConfigurationError(
                "sizes of a network are positive whole numbers, and its heads divide hidden"
            )

    @classmethod
    def of(cls, facts: dict[str, Any]) -> NetworkSize:
        """Settings that stand in a file; what it does not name has its default.

        Raises:
            ConfigurationError: It names something else, or a value that can't be.
        """
        known = {each.name for each in fields(cls)}
        if not isinstance(facts, dict) or not facts.keys() <= known:
            raise ConfigurationError(f"settings of a network are {sorted(known)}, not {facts}")
        try:
            values = dict(facts)
            if "channels" in values:
                values["channels"] = tuple(values["channels"])
            return cls(**values)
        except ConfigurationError:
            raise
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"settings of a network have a wrong type: {facts}") from error


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigurationError(f"the {name} is {' or '.join(known)}, not {value!r}")
