# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What QUART offers: its environment, as a name."""

from neuro_control.cli.scenario import Environment, Scenario

SCENARIOS: dict[str, Scenario] = {}

ENVIRONMENTS = {
    "Quard-v0": Environment(entry_point="neuro_control.quart.simulation.env:Quard"),
}
