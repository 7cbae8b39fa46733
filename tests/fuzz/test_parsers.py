# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A small part of the fuzzing of bytes, without atheris: examples, damaged at random."""

import numpy as np
import pytest

from tests.fuzz.parsers import PARSERS

# Parsers whose package is not in every installation.
NEEDS = {"mcap": "rosbags", "sqlite": "rosbags", "low_state": "cyclonedds", "answer": "cyclonedds"}


def damaged(example, rng):
    """An example of which bytes are changed, cut out or repeated."""
    data = np.frombuffer(example, np.uint8).copy()
    for at in rng.integers(0, len(data), rng.integers(1, 9)):
        data[at] = rng.integers(0, 256)
    first, second = sorted(rng.integers(0, len(data) + 1, 2).tolist())
    whole = data.tobytes()
    return (whole, whole[:second], whole[:first] + whole[second:], whole[:second] + whole[first:])[
        rng.integers(0, 4)
    ]


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_refuses_what_is_damaged_by_the_one_error_that_is_expected(name):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    parser, rng = PARSERS[name], np.random.default_rng(0)
    for example in parser.examples():
        parser.check(example)
        for _ in range(30):
            parser.check(damaged(example, rng))
