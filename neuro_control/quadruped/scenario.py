# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the quadruped offers: scenarios and environments, as names."""

from neuro_control.cli.scenario import Environment, Scenario

QUADRUPED = Scenario(
    summary="a gait controller walks a Unitree Go2 or Go1 as commanded",
    config="quadruped.yaml",
    nodes={
        "simulation": "neuro_control.simulation.node:Simulation",
        "gait_controller": "neuro_control.quadruped.nodes.gait_controller:GaitController",
    },
    summarise="neuro_control.quadruped.evaluation.report:summary",
    picture="neuro_control.quadruped.evaluation.report:pictures",
    activity="gait_controller/activity",
    odometry="odom",
    subjects="neuro_control.quadruped.evaluation.faults:SUBJECTS",
    claims="neuro_control.quadruped.evaluation.claims:CLAIMS",
    commands={
        "evaluate": "neuro_control.quadruped.evaluation.evaluate:evaluate",
        "benchmark": "neuro_control.quadruped.evaluation.benchmark:benchmark",
        "experiment": "neuro_control.quadruped.evaluation.experiments:experiment",
        "render": "neuro_control.quadruped.evaluation.render:render",
    },
    needs={
        **dict.fromkeys(
            ("v_error_mps", "yaw_error_rps", "height_error_m"),
            "a velocity that is commanded for more than 3 s, without a fall",
        ),
        "cost_of_transport": "a walk of more than 0.5 m",
    },
    seconds=30.0,
)

SCENARIOS = {"quadruped": QUADRUPED}

# Checks of the real robot.
DOCTORS = {"go2": "neuro_control.quadruped.go2.doctor:DOCTOR"}

ENVIRONMENTS = {
    "QuadrupedCommand-v0": Environment(
        entry_point="neuro_control.quadruped.simulation.env:QuadrupedCommand",
        policy="neuro_control.quadruped.evaluation.rollout:policy",
    ),
}

MODELS = (
    "neuro_control.quadruped.simulation.body:world",
    # The name that release 0.2 gave the first.
    "neuro_control.quadruped.simulation.env:world",
)
