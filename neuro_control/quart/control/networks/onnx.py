# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A network that was exported to ONNX; onnxruntime runs it, and torch need not be there.

The graph holds everything between a picture and an action, the decoding of tokens among it. What
tells one network from another stands in its metadata, as it does in a file of weights.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.actions import ActionTokens
from neuro_control.quart.control.language import Instruction
from neuro_control.quart.control.networks.facts import KIND, check_version
from neuro_control.quart.control.networks.prediction import Prediction
from neuro_control.quart.control.networks.settings import NetworkSize

if TYPE_CHECKING:
    import onnxruntime

METADATA = "neuro_control"
"""Key of the facts in the metadata of a file."""

INPUTS = ("images", "words", "states", "sentences")
OUTPUTS = ("actions", "entropy", "place", "visible", "understood")


class OnnxNetwork:
    """A network of a file that ``neuro-control export quart`` wrote.

    Attributes:
        size: Its settings.
        ranges: Lowest and highest value of each number of an action, (12, 2).
        facts: All that the file says of it.

    Args:
        path: The file.
        threads: Threads that it computes on.

    Raises:
        ConfigurationError: onnxruntime is not installed, or the file is missing, damaged, or of
            another kind or version.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._session = _session(path, threads)
        self.facts = _facts(path, self._session)
        try:
            self.size = NetworkSize.of(self.facts["size"])
            self.ranges = ActionTokens(np.array(self.facts["ranges"], dtype=np.float64)).ranges
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"{path} does not say what network it holds") from error
        inputs = [each.name for each in self._session.get_inputs()]
        outputs = [each.name for each in self._session.get_outputs()]
        if inputs != list(INPUTS[: len(inputs)]) or outputs != list(OUTPUTS):
            raise ConfigurationError(f"{path} has other inputs or outputs than a policy of QUART")

    def predict(
        self,
        image: NDArray[np.uint8],
        instruction: Instruction,
        state: NDArray[np.float64],
    ) -> Prediction:
        """What to do, as ``prediction.Predictor`` has it."""
        values = [image[None], instruction.groups[None], state[None].astype(np.float32)]
        if self.size.sentence:
            known = instruction.sentence
            sentence = np.zeros(self.size.sentence) if known is None else np.asarray(known)
            values.append(sentence[None].astype(np.float32))
        return Prediction.of(self._session.run(OUTPUTS, dict(zip(INPUTS, values, strict=False))))

    def attention(self) -> None:
        """It does not tell where it looks."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """It has no weights that a training could go on with.

        Raises:
            ConfigurationError: Always.
        """
        raise ConfigurationError(
            "an exported policy can't be saved as weights: give the file that it was exported from"
        )


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise ConfigurationError(f"no file {path}")
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigurationError(
            f"{path} needs onnxruntime: pip install 'neuro_control[quart]'"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Its complaints come as exceptions.
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    # It raises classes of its own, whose only common base this is.
    except Exception as error:
        raise ConfigurationError(
            f"{path} is damaged or no file of ONNX: give one that `export quart` wrote"
        ) from error


def _facts(path: Path, session: onnxruntime.InferenceSession) -> dict[str, Any]:
    metadata = session.get_modelmeta().custom_metadata_map
    try:
        found = json.loads(metadata[METADATA])
        if found["kind"] != KIND:
            raise ConfigurationError(f"{path} holds {found['kind']}, not {KIND}")
        facts = dict(found["facts"])
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{path} holds something else, not {KIND}") from error
    check_version(path, facts)
    return facts
