# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A policy: measurements in, numbers of a command out, as its table says.

It is the object that the node drives, and the one to evaluate a policy with.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.policy.control.networks import Network, load
from neuro_control.policy.control.table import PolicyTable

Array = NDArray[np.float64]


class Policy:
    """A network and its table.

    Args:
        table: The table.
        network: The network; by default that of the table's file.

    Attributes:
        table: The table.
        network: The network.
        values: Values of the action's numbers in the last step, (n,).

    Raises:
        ConfigurationError: The network can't be loaded, or has other numbers than the table.
    """

    def __init__(self, table: PolicyTable, network: Network | None = None) -> None:
        self.table = table
        self.network = network or load(table.network, table.activation)
        outputs = len(table.action.numbers)
        if (self.network.inputs, self.network.outputs) != (table.size, outputs):
            raise ConfigurationError(
                f"{table.network} takes {self.network.inputs} numbers and gives "
                f"{self.network.outputs}; its table has {table.size} and {outputs}"
            )
        self.reset()

    @classmethod
    def load(cls, path: Path) -> Policy:
        """Policy of a table's file.

        Raises:
            ConfigurationError: As ``PolicyTable.read``, and as the class.
        """
        return cls(PolicyTable.read(path))

    def reset(self) -> None:
        """Forget the last action."""
        self._output = np.zeros(len(self.table.action.numbers))
        self.values = self.table.action.values(self._output)

    def step(self, measured: Mapping[str, Array]) -> Array:
        """Values of the action's numbers, (n,), for what was measured.

        Args:
            measured: As ``PolicyTable.observed`` takes it.

        Raises:
            ValueError: The network's output is not finite.
        """
        output = self.network.act(self.table.observed(measured, self._output)).astype(np.float64)
        if not np.isfinite(output).all():
            raise ValueError(f"the network's output is {output}")
        # As in training, an action beyond the bounds is remembered as it was carried out.
        self._output = np.clip(output, self.table.action.low, self.table.action.high)
        self.values = self.table.action.values(output)
        return self.values
