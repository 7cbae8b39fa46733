# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from neuro_control.simulation.node import Simulation
from neuro_control.swimmer.evaluation.report import summary
from neuro_control.swimmer.nodes.controller import SwimmerController
from tests.bench import Bench, options


def test_ten_seeds_of_thirty_seconds_through_ros_return_798_of_1000(tmp_path):
    world = {"model": "neuro_control.swimmer.simulation.tasks:swim"}
    returns = []
    for seed in range(10):
        bench = Bench()
        path = tmp_path / f"{seed}.npz"
        try:
            simulation = bench.add(
                Simulation(**options(**world, duration=30.0, seed=seed, recording=str(path)))
            )
            bench.add(SwimmerController(**options(use_sim_time=True))).start()
            bench.spin_until(lambda simulation=simulation: simulation.finished)
        finally:
            bench.close()
        with np.load(path) as recording:
            found = summary(dict(recording), {**world, "model_arguments": {}, "seed": seed})
        assert found["steps"] == 1000
        returns.append(found["return"])
    assert np.mean(returns) == pytest.approx(798, abs=15)
