# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The time from an emergency stop to the safe command, as the experiment measures it."""

import pytest

from neuro_control.faults.emergency_stop import Task, press_often, stoppable, summarise


def test_all_controllers_can_be_measured():
    assert set(stoppable()) >= {
        "blimp_altitude",
        "gait_controller",
        "swimmer_controller",
        "swimmer_navigator",
    }


@pytest.mark.parametrize("load", ["flood", "long steps"])
def test_after_the_first_safe_command_nothing_else_passes_whatever_the_load(load):
    task = Task("swimmer_controller", load, presses=2, priority=0, seed=0, domain=201)
    presses = press_often(task)["presses"]
    assert len(presses) == 2
    for seconds, waited, passed in presses:
        assert seconds > 0
        assert waited >= 0
        assert passed == 0


def test_the_summary_is_of_each_node_and_load():
    rows = [
        {"node": "a", "load": "none", "press": k, "to_safe_ms": ms, "waited_ms": 1.0, "passed": 0}
        for k, ms in enumerate([1.0, 2.0, 6.0])
    ]
    (found,) = summarise(rows)
    assert found["presses"] == 3
    assert found["to_safe_median_ms"] == 2.0
    assert found["to_safe_max_ms"] == 6.0
    assert found["passed_after"] == 0
