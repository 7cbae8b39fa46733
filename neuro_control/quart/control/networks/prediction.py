# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a network predicts of one picture, as numbers of NumPy; it needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from neuro_control.quart.control.language import Instruction
from neuro_control.quart.control.networks.settings import NetworkSize

Array = NDArray[np.float64]


class Prediction(NamedTuple):
    """What a network predicts.

    Attributes:
        actions: Actions of the chunk, (chunk, 12).
        entropy: Mean entropy of its tokens as a part of the largest, 0 to 1.
        place: Where it sees the target, ahead and to the left of the trunk, (2,), m.
        visible: Whether the target is in sight.
        understood: Whether the instruction is one.
    """

    actions: Array
    entropy: float
    place: Array
    visible: bool
    understood: bool

    @classmethod
    def of(cls, batch: Sequence[NDArray[Any]]) -> Prediction:
        """The prediction of the first of a batch: actions, entropy, place and two logits."""
        actions, entropy, place, visible, understood = (each[0] for each in batch)
        return cls(
            actions.astype(np.float64),
            float(entropy),
            place.astype(np.float64),
            bool(visible > 0.0),
            bool(understood > 0.0),
        )


class Predictor(Protocol):
    """A network that a policy drives, of torch or exported.

    Attributes:
        size: Its settings.
        ranges: Lowest and highest value of each number of an action, (12, 2).
    """

    size: NetworkSize
    ranges: Array

    def predict(
        self,
        image: NDArray[np.uint8],
        instruction: Instruction,
        state: Array,
    ) -> Prediction:
        """What to do.

        Args:
            image: Picture, (3, size, size).
            instruction: The instruction; its sentence has ``size.sentence`` numbers, if that is
                not 0.
            state: State vector, (``state.SIZE``,).
        """

    def attention(self) -> Array | None:
        """Where it looked in the last picture.

        Returns:
            Weights of parts of the picture, (height, width), whose sum is 1; None of a network that
            does not tell, as one that was exported.
        """

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The weights by name.

        Raises:
            ConfigurationError: It was exported, and has none that training could go on with.
        """
