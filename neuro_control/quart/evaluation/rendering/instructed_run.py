# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The nodes' parameters for an instruction: the policy gets its words, the course its objects."""

from __future__ import annotations

from typing import Any

import yaml

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.instructions import understand
from neuro_control.yaml_text import read_yaml


def instruct(parameters: dict[str, dict[str, Any]], instruction: str) -> str | None:
    """Let a run be about an instruction.

    Args:
        parameters: Of the scenario's nodes, by name; changed in place.
        instruction: The instruction. In one of QUARD's forms it also says what stands on the
            course; any other goes to the policy alone, and the course stays that of the parameters.

    Returns:
        A remark for the user where the course stays, else None.
    """
    parameters["quart_policy"]["instruction"] = instruction
    simulation = parameters["simulation"]
    arguments = read_yaml(simulation.get("model_arguments", ""), "model_arguments") or {}
    try:
        understand(instruction)
    except ConfigurationError:
        return (
            f"'{instruction[:80]}' has none of QUARD's forms, which would say what stands on the "
            f"course: it stays that of '{arguments.get('task', 'go to the red cube')}'"
        )
    arguments["task"] = instruction
    simulation["model_arguments"] = yaml.dump(arguments, default_flow_style=True, sort_keys=False)
    return None
