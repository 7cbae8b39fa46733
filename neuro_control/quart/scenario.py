# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What QUART offers: scenario, environment and commands, as names."""

from neuro_control.cli.scenario import Environment, Scenario

QUART = Scenario(
    summary="a quadruped sees, reads and walks: a policy does what an instruction says",
    config="quart.yaml",
    nodes={
        "simulation": "neuro_control.simulation.node:Simulation",
        "gait_controller": "neuro_control.quadruped.nodes.gait_controller:GaitController",
        "quart_policy": "neuro_control.quart.nodes.policy:QuartPolicy",
    },
    summarise="neuro_control.quart.evaluation.report:summary",
    picture="neuro_control.quart.evaluation.report:pictures",
    activity="quart_policy/activity",
    instruct="neuro_control.quart.evaluation.instructed_run:instruct",
    needs={"ended_s": "a robot that comes to stand"},
    seconds=24.0,
)

SCENARIOS = {"quart": QUART}

MODELS = ("neuro_control.quart.simulation.course:world",)

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
