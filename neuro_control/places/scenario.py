# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Scenarios of place recognition, and the names of what runs them."""

from neuro_control.cli.scenario import Scenario

PLACES = Scenario(
    summary="ensembles of spiking experts recognise where a camera is along a route",
    config="places.yaml",
    nodes={
        "player": "neuro_control.places.nodes.player:Player",
        "place_recognizer": "neuro_control.places.nodes.recognizer:PlaceRecognizer",
    },
    summarise="neuro_control.places.evaluation.report:summary",
    picture="neuro_control.places.evaluation.report:pictures",
    claims="neuro_control.places.evaluation.claims:CLAIMS",
    subjects="neuro_control.places.evaluation.faults:SUBJECTS",
    commands={
        "train": "neuro_control.places.training.command:train_command",
        "evaluate": "neuro_control.places.evaluation.evaluate:evaluate",
        "benchmark": "neuro_control.places.evaluation.benchmark:benchmark",
        "experiment": "neuro_control.places.evaluation.experiments:experiment",
        "export": "neuro_control.places.training.export:command",
        "render": "neuro_control.places.evaluation.render:render",
    },
    needs={
        **dict.fromkeys(("r1", "visited", "latency_ms"), "an image that was answered"),
        "images_per_s": "two images or more",
    },
    seconds=0.0,
)

SCENARIOS = {"places": PLACES}
