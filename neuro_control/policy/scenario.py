# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a policy that was trained elsewhere offers: a scenario, as names."""

from neuro_control.cli.scenario import Scenario

POLICY = Scenario(
    summary="a policy trained with Gymnasium walks a quadruped to a goal",
    config="policy.yaml",
    nodes={
        "simulation": "neuro_control.simulation.node:Simulation",
        "gait_controller": "neuro_control.quadruped.nodes.gait_controller:GaitController",
        "policy": "neuro_control.policy.nodes.policy:PolicyNode",
    },
    summarise="neuro_control.policy.evaluation.report:summary",
    picture="neuro_control.policy.evaluation.report:pictures",
    activity="gait_controller/activity",
    subjects="neuro_control.policy.evaluation.faults:SUBJECTS",
    needs={"goal_distance_m": "a goal as a parameter", "cost_of_transport": "0.5 m of way"},
    seconds=10.0,
)

SCENARIOS = {"policy": POLICY}
