# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A policy tells where in the picture it looked."""

import numpy as np
import pytest
import torch

from neuro_control.quart.control.policy import Policy
from neuro_control.quart.nodes.pictures import attention_image
from tests.quart.test_networks import HERE, SIZES, network, picture


@pytest.mark.parametrize("name", ["small", "transformer", "transformer, one by one"])
def test_attention_is_shared_among_the_parts_of_the_last_picture(name):
    policy = Policy(network(SIZES[name]))
    policy.reset("go to the red cube")
    assert policy.attention() is None
    found = []
    for seed in (0, 1):
        policy.act(picture(seed), HERE)
        found.append(policy.attention())
    assert found[0].shape == (4, 4)  # 32 pixels, of which the convolutions make a quarter twice
    for each in found:
        assert each.sum() == pytest.approx(1.0)
        assert (each > 0.0).all()
    assert not np.allclose(found[0], found[1])


def test_a_small_network_looks_where_its_points_are():
    made = network(SIZES["small"])
    maps = torch.full((1, 64, 4, 4), -20.0)
    maps[:, :48, 1, 2] = 20.0
    maps[:, 48:, 3, 0] = 20.0
    weights = made.weigh(maps)
    assert weights[1, 2] == pytest.approx(0.75, abs=1e-3)
    assert weights[3, 0] == pytest.approx(0.25, abs=1e-3)


def test_the_largest_weight_is_white_in_the_image_of_it():
    message = attention_image(1_500_000_000, np.array([[0.1, 0.4], [0.3, 0.2]]))
    assert (message.encoding, message.height, message.width, message.step) == ("mono8", 2, 2, 2)
    assert list(message.data) == [64, 255, 191, 128]
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (1, 500_000_000)
