# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""When a source of commands has shown that it lives; times worked by hand."""

import pytest

from neuro_control.ros.safety.proof_of_life import ProofOfLife


def fed(*times):
    life = ProofOfLife()
    for now in times:
        life.add(now)
    return life


def test_before_the_first_command_there_is_no_proof():
    assert not ProofOfLife().given(100.0)
    assert ProofOfLife().missing(100.0) == 1.0


def test_one_command_proves_nothing_however_long_ago():
    life = fed(10.0)
    for now in (10.0, 10.5, 11.0, 12.0):
        assert not life.given(now)


def test_commands_at_2_hz_prove_it_after_a_second():
    life = fed(10.0, 10.5)
    assert not life.given(10.5)
    assert life.missing(10.5) == 0.5
    life.add(11.0)
    assert life.given(11.0)
    assert life.given(11.5)


def test_slower_ones_never_do():
    life = fed(*[10.0 + 0.51 * k for k in range(100)])
    assert not life.given(10.0 + 0.51 * 99)


def test_a_second_is_counted_to_the_latest_command_and_not_to_the_clock():
    life = fed(10.0, 10.5)
    assert not life.given(11.0)


@pytest.mark.parametrize("silence", [0.51, 30.0])
def test_after_silence_the_proof_is_asked_for_anew(silence):
    life = fed(10.0, 10.5, 11.0)
    again = 11.0 + silence
    assert not life.given(again)
    for k in range(10):
        life.add(again + 0.1 * k)
        assert not life.given(again + 0.1 * k)
    life.add(again + 1.01)
    assert life.given(again + 1.01)


def test_what_is_forgotten_is_asked_for_anew():
    life = fed(10.0, 10.5, 11.0)
    life.forget()
    assert not life.given(11.0)
    life.add(11.1)
    assert not life.given(11.1)
