# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the blimp offers: scenarios and environments, as names."""

from neuro_control.cli.scenario import Environment, Scenario

_ANY_STEP = "a run in which the altitude set-point changes"

BLIMP = Scenario(
    summary="an evolved spiking network holds a blimp's altitude, as a PID does",
    config="blimp.yaml",
    nodes={
        "simulation": "neuro_control.simulation.node:Simulation",
        "blimp_altitude": "neuro_control.blimp.nodes.altitude:BlimpAltitude",
    },
    summarise="neuro_control.blimp.evaluation.report:summary",
    picture="neuro_control.blimp.evaluation.report:pictures",
    activity="blimp_altitude/activity",
    claims="neuro_control.blimp.evaluation.claims:CLAIMS",
    subjects="neuro_control.blimp.evaluation.faults:SUBJECTS",
    commands={
        "evaluate": "neuro_control.blimp.evaluation.evaluate:evaluate",
        "benchmark": "neuro_control.blimp.evaluation.benchmark:benchmark",
        "evolve": "neuro_control.blimp.training.evolve:command",
        "experiment": "neuro_control.blimp.evaluation.experiments:experiment",
        "export": "neuro_control.blimp.training.export:command",
        "train": "neuro_control.blimp.training.gradient:command",
        "tune": "neuro_control.blimp.training.tune:command",
    },
    needs={
        **dict.fromkeys(("sse_m", "sse_worst_m", "oscillation_m", "settling_s"), _ANY_STEP),
        "overshoot_up_m": "a run in which the altitude set-point is raised",
        "overshoot_down_m": "a run in which the altitude set-point is lowered",
    },
    seconds=210.0,
)

SCENARIOS = {"blimp": BLIMP}

# Checks of the real robot.
DOCTORS = {"blimp": "neuro_control.blimp.nodes.hardware_checks:DOCTOR"}

ENVIRONMENTS = {
    "BlimpAltitude-v0": Environment(
        entry_point="neuro_control.blimp.simulation.env:BlimpAltitude",
        policy="neuro_control.blimp.evaluation.episodes:policy",
    ),
}

MODELS = (
    "neuro_control.blimp.simulation.world:world",
    # The name that release 0.2 gave it.
    "neuro_control.blimp.simulation.env:world",
)
