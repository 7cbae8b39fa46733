# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Exponentiated gradient descent: a weight changes by a factor and so keeps its sign.

Source: Kivinen and Warmuth, Exponentiated Gradient versus Gradient Descent for Linear Predictors
(1997); as a learning rule under Dale's law in Shetty, Prasath and Seelamantula, Dale meets
Langevin (arXiv 2510.02730).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

from neuro_control.errors import ConfigurationError


class ExponentiatedGradient(torch.optim.Optimizer):
    """Optimiser that keeps the sign of every weight: w ← w · exp(−η sign(w) ∂L/∂w).

    It is mirror descent on log|w|: the logarithm of a weight's magnitude takes the gradient step.
    Excitatory weights stay excitatory, inhibitory ones inhibitory, and a zero stays zero.

    Args:
        params: Parameters, or groups of them.
        lr: Learning rate η; relative change of a weight per unit of its gradient.

    Raises:
        ConfigurationError: ``lr`` is not above 0.
    """

    def __init__(self, params: Iterable[Any], lr: float = 0.1) -> None:
        if not 0 < lr < float("inf"):
            raise ConfigurationError(f"a learning rate is a number above 0, not {lr}")
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every weight that has a gradient; returns the closure's loss, if one is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    weight.mul_(torch.exp(-group["lr"] * weight.sign() * weight.grad))
        return loss
