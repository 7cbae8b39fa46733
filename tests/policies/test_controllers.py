# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The statements C of docs/safety.md, for each controller over random sequences."""

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.policies import holds, sequences
from tests.policies.controllers import SUBJECTS, Subject
from tests.policies.machine import ControllerMachine


@pytest.mark.parametrize("name", SUBJECTS)
def test_whatever_comes_a_controller_does_what_is_stated(bench, name):
    class Machine(ControllerMachine):
        subject = SUBJECTS[name](bench)

    run_state_machine_as_test(Machine, settings=sequences(examples=10, steps=20))


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_first_and_the_last_command_of_a_controller_are_as_stated(bench, name):
    subject: Subject = SUBJECTS[name](bench)
    bench.spin_for(0.1)
    holds("C18", not subject.commands, subject.commands)
    for number in range(1, 4):
        subject.advance(subject.period)
        before = len(subject.commands)
        subject.observe(subject.observed(subject.now, [0.1 * number] * 8))
        subject.answers(subject.now, before)
    before = len(subject.commands)
    subject.node.trigger_deactivate()
    bench.spin_until(lambda: len(subject.commands) > before)
    holds("C19", subject.safe(subject.commands[-1]), subject.commands[-1])
    last = len(subject.commands)
    for number in range(1, 4):
        subject.advance(subject.period)
        subject.observe(subject.observed(subject.now, [0.1 * number] * 8))
    bench.spin_for(0.1)
    holds("C19", len(subject.commands) == last, subject.commands[last:])
