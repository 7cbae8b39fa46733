# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.errors import ConfigurationError
from neuro_control.learning.exponentiated import ExponentiatedGradient


def weights(*values):
    return torch.nn.Parameter(torch.tensor(values, dtype=torch.float64))


def test_a_constant_gradient_makes_weights_grow_and_decay_exponentially():
    w = weights(2.0, -2.0, 0.5)
    optimiser = ExponentiatedGradient([w], lr=0.1)
    slope = torch.tensor([1.0, 1.0, -3.0], dtype=torch.float64)
    for _ in range(10):
        optimiser.zero_grad()
        (w * slope).sum().backward()
        optimiser.step()
    # w_t = w_0 exp(-η t sign(w_0) g), η t = 1.
    expected = [2 * math.exp(-1), -2 * math.exp(1), 0.5 * math.exp(3)]
    torch.testing.assert_close(w.data, torch.tensor(expected, dtype=torch.float64))


def test_one_step_on_a_parabola_by_hand():
    w = weights(3.0)
    optimiser = ExponentiatedGradient([w], lr=0.5)
    ((w - 1) ** 2).sum().backward()  # the slope is 4
    optimiser.step()
    assert w.item() == pytest.approx(3 * math.exp(-2))


@given(
    st.lists(st.floats(-10, 10), min_size=1, max_size=5),
    st.lists(st.floats(-50, 50), min_size=5, max_size=5),
    st.floats(1e-4, 1.0),
)
def test_no_step_changes_a_sign_and_zero_stays(values, slopes, lr):
    w = weights(*values)
    w.grad = torch.tensor(slopes[: len(values)], dtype=torch.float64)
    ExponentiatedGradient([w], lr=lr).step()
    assert (w.data.sign() * torch.tensor(values).sign() >= 0).all()
    assert all(after == 0 for after, before in zip(w.data, values, strict=True) if before == 0)


def test_it_finds_the_best_weights_of_their_signs():
    # The third would like to be negative and may not: it decays towards zero.
    target = torch.tensor([2.0, -0.5, -1.0], dtype=torch.float64)
    w = weights(1.0, -1.0, 1.0)
    optimiser = ExponentiatedGradient([w], lr=0.1)

    def loss():
        optimiser.zero_grad()
        value = ((w - target) ** 2).sum()
        value.backward()
        return value

    for _ in range(300):
        last = optimiser.step(loss)
    torch.testing.assert_close(
        w.data, torch.tensor([2.0, -0.5, 0.0], dtype=torch.float64), atol=1e-3, rtol=0
    )
    assert last.item() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("lr", [0.0, -1.0, math.inf, math.nan])
def test_a_learning_rate_that_is_none_is_refused(lr):
    with pytest.raises(ConfigurationError, match="a number above 0"):
        ExponentiatedGradient([weights(1.0)], lr=lr)
