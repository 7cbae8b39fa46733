# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import pytest


@pytest.fixture
def setting(bench):
    """Makes settings, and closes their peers after the nodes."""
    pytest.importorskip("cyclonedds", reason="needs cyclonedds")
    from tests.drivers.unitree_setting import Setting

    made = []

    def make(**values):
        made.append(Setting(bench, **values))
        return made[-1]

    yield make
    for each in made:
        each.node.destroy_node()
        bench.nodes.remove(each.node)
        each.peer.close()
