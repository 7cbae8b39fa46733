# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the swimmer offers: scenarios and environments, as names."""

from neuro_control.cli.scenario import Environment, Scenario

SWIMMER = Scenario(
    summary="a C. elegans circuit (NCAP) swims dm_control's swimmer",
    config="swimmer.yaml",
    nodes={
        "simulation": "neuro_control.simulation.node:Simulation",
        "swimmer_controller": "neuro_control.swimmer.nodes.controller:SwimmerController",
    },
    summarise="neuro_control.swimmer.evaluation.report:summary",
    picture="neuro_control.swimmer.evaluation.report:pictures",
    activity="swimmer_controller/activity",
    claims="neuro_control.swimmer.evaluation.claims:CLAIMS",
    subjects="neuro_control.swimmer.evaluation.faults:SUBJECTS",
    commands={
        "evaluate": "neuro_control.swimmer.evaluation.evaluate:evaluate",
        "benchmark": "neuro_control.swimmer.evaluation.benchmark:benchmark",
        "train": "neuro_control.swimmer.training.train:command",
        "experiment": "neuro_control.swimmer.evaluation.experiments:experiment",
        "calibrate": "neuro_control.swimmer.evaluation.calibrate:command",
    },
)

SWIMMER_SQUARE = Scenario(
    summary="the same circuit, steered by cmd_vel, swims a square",
    config="swimmer_square.yaml",
    nodes={
        **SWIMMER.nodes,
        "swimmer_navigator": "neuro_control.swimmer.nodes.navigator:SwimmerNavigator",
    },
    summarise="neuro_control.swimmer.evaluation.report:square_summary",
    picture="neuro_control.swimmer.evaluation.report:square_pictures",
    activity="swimmer_controller/activity",
    odometry="odom",
)

SCENARIOS = {"swimmer": SWIMMER, "swimmer-square": SWIMMER_SQUARE}

ENVIRONMENTS = {
    f"Swimmer{task}-v0": Environment(
        entry_point=f"neuro_control.swimmer.simulation.env:Swimmer{task}",
        vector_entry_point=f"neuro_control.swimmer.simulation.vector:swimmer_{task.lower()}_vector",
        policy="neuro_control.swimmer.evaluation.episodes:policy",
    )
    for task in ("Swim", "Navigate")
}

MODELS = (
    "neuro_control.swimmer.simulation.tasks:swim",
    "neuro_control.swimmer.simulation.tasks:navigate",
    # The names that release 0.2 gave them.
    "neuro_control.swimmer.simulation.env:swim",
    "neuro_control.swimmer.simulation.env:navigate",
)
