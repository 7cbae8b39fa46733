# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a node with a lifecycle ends."""

import gc

from tests.bench import Bench, Probe, options
from tests.ros.toy import Toy


def test_a_node_that_has_ended_leaves_the_graph_though_something_still_refers_to_it():
    bench = Bench()
    try:
        node = bench.add(Toy(**options(use_sim_time=True)))
        node.start()
    finally:
        bench.close()
    later = Bench()
    try:
        later.spin_for(0.5)  # what is there is known at once, in one process
        names = later.add(Probe()).get_node_names()
    finally:
        later.close()
    assert "toy" not in names
    assert gc.get_referrers(node)
