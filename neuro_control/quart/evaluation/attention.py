# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where a policy looks: how much its decision changes when a part of the picture is hidden.

Zeiler and Fergus, "Visualizing and understanding convolutional networks" (arXiv 1311.2901). It asks
the policy and nothing else, so that it says the same of any architecture.
"""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray

from neuro_control.quart.control.actions import POLICY_PERIOD, RANGES
from neuro_control.quart.control.policy import Decision, Policy
from neuro_control.quart.control.state import RobotState

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

_WIDTHS = RANGES[:, 1] - RANGES[:, 0]


def attention(
    policy: Policy, image: Image, state: RobotState, seconds: float = POLICY_PERIOD, parts: int = 6
) -> tuple[Decision, Array]:
    """Decide, and say which parts of the picture the decision hangs on.

    Args:
        policy: The policy; its memory takes in the decision about the whole picture alone.
        image: Picture, (height, width, 3).
        state: State of the robot.
        seconds: Time since the last action, s.
        parts: Parts of the picture along each side.

    Returns:
        The decision, and for each part (parts, parts) how far the action is from it when the part
        is grey, as a share of the numbers' ranges.

    Raises:
        ConfigurationError: As ``Policy.act``.
    """
    before = copy.deepcopy(policy.memory)
    decision = policy.act(image, state, seconds)
    after = policy.memory
    found = np.zeros((parts, parts))
    rows, columns = (np.linspace(0, side, parts + 1).astype(int) for side in image.shape[:2])
    grey = image.mean(axis=(0, 1)).astype(np.uint8)
    for i in range(parts):
        for j in range(parts):
            hidden = image.copy()
            hidden[rows[i] : rows[i + 1], columns[j] : columns[j + 1]] = grey
            policy.memory = copy.deepcopy(before)
            other = policy.act(hidden, state, seconds)
            found[i, j] = np.linalg.norm((other.action - decision.action) / _WIDTHS)
    policy.memory = after
    return decision, found
