# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a training leaves on disk while it goes on, so that it can be resumed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

from neuro_control import weights as weight_files
from neuro_control.errors import ConfigurationError
from neuro_control.files import write_text
from neuro_control.places.control.ensemble_settings import EnsembleSettings
from neuro_control.places.control.types import Array32, Arrays

EXPERT = "a place expert in training"


def fingerprint(levels: Array32, settings: EnsembleSettings, first: int) -> str:
    """Digest of all that must be equal for a training to be resumed."""
    text = json.dumps([dataclasses.asdict(settings), first, levels.shape])
    return hashlib.sha256(text.encode() + levels.tobytes()).hexdigest()


def expert_file(progress: Path, index: int) -> Path:
    """File of the expert number ``index`` in the folder of a training."""
    return progress / f"expert-{index:05d}.safetensors"


def resumed(progress: Path | None, fingerprint: str, experts: int) -> dict[int, Arrays]:
    """The experts of this training that are done already, by their index.

    Args:
        progress: Folder of the training, which is made; None resumes nothing.
        fingerprint: Digest of the training.
        experts: Number of its experts.

    Raises:
        ConfigurationError: The folder holds another training, or something else.
    """
    if progress is None:
        return {}
    mark = progress / "training"
    if progress.exists() and (not mark.is_file() or mark.read_text() != fingerprint):
        raise ConfigurationError(
            f"{progress} holds another training, of other images or other settings: resume that "
            "one, or remove the folder"
        )
    write_text(mark, fingerprint)
    there = [index for index in range(experts) if expert_file(progress, index).exists()]
    return {index: weight_files.read(expert_file(progress, index), EXPERT)[0] for index in there}
