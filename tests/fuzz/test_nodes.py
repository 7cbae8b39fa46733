# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A small part of the fuzzing of nodes, and that it finds what is wrong."""

import pytest

from tests.fuzz.nodes import TARGETS, ControllerTarget, flood


@pytest.mark.parametrize("name", TARGETS)
def test_a_node_bears_messages_with_anything_in_them(bench, name):
    if name.startswith("unitree"):
        pytest.importorskip("cyclonedds")
    target = TARGETS[name](bench)
    try:
        flood(target, 1000, 0, lambda sent: None)
        assert target.commands > 0
    finally:
        target.close()


def test_a_command_while_disabled_is_found(bench):
    target = ControllerTarget(bench, "swimmer_controller")
    # It takes the node for disabled, which it is not.
    target.enabled = False
    with pytest.raises(AssertionError, match="while disabled"):
        flood(target, 1000, 0, lambda sent: None)
