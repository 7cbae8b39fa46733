# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The large policy: a Fuyu model that answers a picture and a question with twelve action tokens.

This is QUART as it was published (Ding et al., arXiv 2312.14457): a picture of 240 × 240 pixels in
patches of 30 × 30, the question "What action should the legged robot take to {instruction}?", and
the answer one token for each number of the action, of 256 bins. The bins are the last 256 tokens of
the vocabulary, which no text needs. It answers one token after another, with a cache, and needs no
state of the robot.

The model is read from a folder by ``transformers`` (extra ``quart-large``); nothing is downloaded.
A model that answers with something else than an action has not taken the words for an instruction.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.actions import BINS, NUMBERS, ActionTokens
from neuro_control.quart.control.language import Instruction
from neuro_control.quart.control.networks.bins import BinTokenizer
from neuro_control.quart.control.networks.prediction import Prediction
from neuro_control.quart.control.networks.settings import LARGE, NetworkSize

PROMPT = "What action should the legged robot take to {instruction}?\n"
"""Question of QUART."""

RANGES_FILE = "quart.json"
"""File beside the model with the ranges of the numbers of an action; those of this release without
one."""

_PIXELS = 240
# Tokens of Fuyu: a patch, the end of a row of them, and where text and answer begin.
_SPECIAL = _PATCH, _ROW_ENDS, _BEGINS, _ANSWER = "|SPEAKER|", "|NEWLINE|", "<s>", "<0x04>"
_FILES = (
    "config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors or its parts",
)  # fmt: skip
# What the model's answers have as a probability of bins, at least, where it takes the words for
# an instruction.
_ANSWERS = 0.5


class LargeNetwork:
    """A Fuyu model as a network of a policy.

    Attributes:
        size: Its settings.
        ranges: Lowest and highest value of each number of an action, (12, 2).
        model: The model of ``transformers``.

    Args:
        folder: Folder with the files of a Fuyu model.

    Raises:
        ConfigurationError: ``transformers`` is not installed, or the folder has no such model.
    """

    def __init__(self, folder: Path) -> None:
        self.model, self._tokenizer = _read(folder)
        tokens = ActionTokens(_ranges(folder))
        self.size = NetworkSize(architecture=LARGE, image=_PIXELS)
        self.ranges, self._bins = tokens.ranges, BinTokenizer(1, tokens)
        self._first = int(self.model.config.text_config.vocab_size) - BINS
        self._patch = int(self.model.config.patch_size)
        self._special = _special(folder, self._tokenizer)
        if _PIXELS % self._patch or len(self._tokenizer) > self._first:
            raise ConfigurationError(
                f"{folder} has a model with patches of {self._patch} pixels, which are to divide "
                f"{_PIXELS}, and {len(self._tokenizer)} of {self._first + BINS} tokens for texts, "
                f"of which {BINS} are to be left for actions"
            )

    @torch.inference_mode()
    def predict(
        self,
        image: NDArray[np.uint8],
        instruction: Instruction,
        state: NDArray[np.float64],
    ) -> Prediction:
        """What to do, as ``prediction.Predictor`` has it; the state is not read."""
        asked = self.inputs(image, instruction.text)
        answer = self.model.generate(
            **asked, max_new_tokens=len(NUMBERS), min_new_tokens=len(NUMBERS), do_sample=False,
            logits_processor=[self._only_bins], output_logits=True, return_dict_in_generate=True,
        )  # fmt: skip
        logits = torch.stack(answer.logits, dim=1)[0].float().cpu()
        first = logits[0].softmax(dim=0)[self._first :].sum()
        tokens = logits[:, self._first :].softmax(dim=1)
        entropy = -(tokens * tokens.clamp(min=1e-9).log()).sum(dim=1).mean() / np.log(BINS)
        return Prediction(
            self._bins.decode(tokens[None])[0].double().numpy(),
            float(entropy),
            np.zeros(2),
            visible=False,
            understood=bool(first > _ANSWERS),
        )

    def inputs(self, image: NDArray[np.uint8], instruction: str) -> dict[str, Tensor]:
        """The model's inputs for a picture, (3, 240, 240), and an instruction.

        As Fuyu has them: a token for each patch and one at the end of each row, then the text
        between the tokens for its beginning and for that of the answer.
        """
        patches = image_patches(image, self._patch)
        side = _PIXELS // self._patch
        row = [*[self._special[_PATCH]] * side, self._special[_ROW_ENDS]]
        text = PROMPT.format(instruction=instruction)
        said = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        numbers = [*row * side, self._special[_BEGINS], *said, self._special[_ANSWER]]
        device = self.model.device
        return {
            "input_ids": torch.tensor([numbers], device=device),
            "attention_mask": torch.ones((1, len(numbers)), dtype=torch.long, device=device),
            "pixel_values": patches[None].to(device, self.model.dtype),
        }

    def loss(
        self, image: NDArray[np.uint8], instruction: str, action: NDArray[np.float64] | None
    ) -> Tensor:
        """Cross-entropy of the answer that is to be learnt, as behaviour cloning has it.

        Args:
            image: Picture, (3, 240, 240).
            instruction: The instruction.
            action: The right action, (12,); None where the words are no instruction, and the answer
                is to end at once.
        """
        asked = self.inputs(image, instruction)
        answer = [int(self.model.config.text_config.eos_token_id)]
        if action is not None:
            encoded = ActionTokens(self.ranges).encode(action)
            answer = [self._first + int(each) for each in encoded]
        given = torch.tensor([answer], device=self.model.device)
        asked["input_ids"] = torch.cat([asked["input_ids"], given], dim=1)
        asked["attention_mask"] = torch.ones_like(asked["input_ids"])
        logits = self.model(**asked, use_cache=False).logits[0, -len(answer) - 1 : -1]
        return torch.nn.functional.cross_entropy(logits.float(), given[0])

    def save(self, folder: Path) -> None:
        """Write model, tokenizer and ranges to a folder, from which they can be read."""
        self.model.save_pretrained(folder)
        self._tokenizer.save_pretrained(folder)
        (folder / RANGES_FILE).write_text(json.dumps({"ranges": self.ranges.tolist()}))

    def attention(self) -> None:
        """It does not tell where it looks."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Its weights do not fit into one file of a policy: ``save`` writes a folder.

        Raises:
            ConfigurationError: Always.
        """
        raise ConfigurationError("a large policy is a folder: save its network into one")

    def _only_bins(self, _: Tensor, scores: Tensor) -> Tensor:
        """Scores of the next token, of which only bins may be said."""
        return scores.index_fill(1, torch.arange(self._first, device=scores.device), -torch.inf)


def image_patches(image: NDArray[np.uint8], patch: int) -> Tensor:
    """Patches of a picture as Fuyu reads them, row by row: (patches, 3 patch²), -1 to 1.

    Args:
        image: Picture, (3, height, width), both of which ``patch`` divides.
        patch: Height and width of a patch, pixels.
    """
    channels, height, width = image.shape
    grid = torch.from_numpy(np.ascontiguousarray(image)).float() / 127.5 - 1.0
    split = grid.reshape(channels, height // patch, patch, width // patch, patch)
    return split.permute(1, 3, 2, 4, 0).reshape(-1, patch * patch * channels)


def _special(folder: Path, tokenizer: Any) -> dict[str, int]:
    """Numbers of Fuyu's special tokens.

    Raises:
        ConfigurationError: The tokenizer has not all of them.
    """
    vocabulary = tokenizer.get_vocab()
    missing = [each for each in _SPECIAL if each not in vocabulary]
    if missing:
        raise ConfigurationError(
            f"{folder} has a tokenizer without the token {missing[0]}, which Fuyu's has"
        )
    return {each: int(vocabulary[each]) for each in _SPECIAL}


def _read(folder: Path) -> tuple[Any, Any]:
    """Model and tokenizer of a folder.

    Raises:
        ConfigurationError: As ``LargeNetwork`` has it.
    """
    wanted = (
        f"place the files of a Fuyu model that was trained on QUARD into {folder}: "
        f"{', '.join(_FILES)}, and {RANGES_FILE} with the ranges of its actions"
    )
    try:
        kind = json.loads((folder / "config.json").read_text())["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{folder} has no model: {wanted}") from error
    if kind != "fuyu":
        raise ConfigurationError(f"{folder} has a model of the type '{kind}': {wanted}")
    try:
        from transformers import FuyuForCausalLM, PreTrainedTokenizerFast
    except ImportError as error:
        raise ConfigurationError(
            "a large policy needs transformers: pip install 'neuro_control[quart-large]'"
        ) from error
    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
        model = FuyuForCausalLM.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype="auto"
        )
    # It raises many kinds, for files that are missing, damaged or of another form.
    except Exception as error:
        raise ConfigurationError(
            f"{folder} has a model that can't be read ({error}): {wanted}"
        ) from error
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return model.eval().to(device), tokenizer


def _ranges(folder: Path) -> NDArray[np.float64]:
    """Ranges of the actions of a folder's model.

    Raises:
        ConfigurationError: Their file is damaged.
    """
    file = folder / RANGES_FILE
    if not file.is_file():
        return ActionTokens().ranges
    try:
        return np.array(json.loads(file.read_text())["ranges"], dtype=np.float64)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{file} has no ranges of twelve numbers") from error
