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
    odometry="odom",
    commands={
        "evaluate": "neuro_control.quart.evaluation.evaluate:evaluate",
        "benchmark": "neuro_control.quart.evaluation.benchmark:benchmark",
        "experiment": "neuro_control.quart.evaluation.experiments:experiment",
        "export": "neuro_control.quart.training.export:export_command",
        "render": "neuro_control.quart.evaluation.rendering.render:render",
        "train": "neuro_control.quart.training.command:train_command",
    },
    instruct="neuro_control.quart.evaluation.rendering.instructed_run:instruct",
    claims="neuro_control.quart.evaluation.claims:CLAIMS",
    subjects="neuro_control.quart.evaluation.faults:SUBJECTS",
    needs={"ended_s": "a robot that stands in the end"},
    seconds=24.0,
)

SCENARIOS = {"quart": QUART}

MODELS = ("neuro_control.quart.simulation.course:world",)

# A data set's command: QUARD is not a scenario.
COMMANDS = {
    "generate": {
        "quard": (
            "neuro_control.quart.evaluation.generate:generate",
            "moments, captions or roll-outs of the tasks that quart is trained on",
        )
    }
}

ENVIRONMENTS = {
    "Quard-v0": Environment(
        entry_point="neuro_control.quart.simulation.env:Quard",
        vector_entry_point="neuro_control.quart.simulation.vector:quard_vector",
    ),
}
