# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What QUART offers: its environment and its commands, as names."""

from neuro_control.cli.scenario import Environment, Scenario

SCENARIOS: dict[str, Scenario] = {}

_SUMMARY = "a policy that sees and reads walks a quadruped through QUARD's tasks"
COMMANDS = {
    verb: {"quart": (f"neuro_control.quart.{command}", _SUMMARY)}
    for verb, command in {
        "evaluate": "evaluation.evaluate:evaluate",
        "experiment": "evaluation.experiments:experiment",
        "render": "evaluation.render:render",
    }.items()
}
ENVIRONMENTS = {
    "Quard-v0": Environment(entry_point="neuro_control.quart.simulation.env:Quard"),
}
