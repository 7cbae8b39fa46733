# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""QUARD's layout: a folder for each episode, in it a file for each frame, 50 of them a second.

    go_to_red_cube/000000/command/000.npy   the command, as walk-these-ways names its numbers
                          action/000.npy    what the robot measures: joints, body, feet
                          image/000.png     picture of the camera at the head
                          depth/000.png     distances of its pixels, mm, 16 bits
                          info.csv          instruction, object, success

The name of a task's folder says skill, colour and object, ``texture`` stands for no colour, and
``gate1`` to ``gate3`` are bars. The robot ends with an episode's last frame. Episodes of QUARD and
those that are recorded here are read alike, one frame at a time, and whatever is read is checked.

Source: Ding et al. (arXiv 2312.14457); the recording (``gym_eval_scripts/play_go_isaac_run.py``)
and the reading (``preprocess/1_quart_data_process.py``) of QUART-Online (yuan48/QUART-Online). The
unit of QUARD's own depth pictures is not documented; they are read as they are.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuro_control.errors import ConfigurationError
from neuro_control.files import read_bytes, read_csv, write_bytes, write_csv
from neuro_control.images import decode_pixels
from neuro_control.limits import MAX_IMAGE_BYTES
from neuro_control.quart.control.actions import NUMBERS, TERMINATE
from neuro_control.quart.control.state import RobotState
from neuro_control.quart.control.tasks import LETTERS, UNSEEN_LETTERS, Task
from neuro_control.quart.training.data.formats import numpy_dicts

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]

RATE = 50
"""Frames in a second of QUARD's episodes."""

# Numbers of an action, but for terminate, as files of commands name them.
_COMMANDS = {
    "forward": "x_vel_cmd", "left": "y_vel_cmd", "yaw_rate": "yaw_vel_cmd",
    "height": "body_height_cmd", "frequency": "step_frequency_cmd",
    "swing": "footswing_height_cmd", "pitch": "pitch_cmd", "width": "stance_width_cmd",
}  # fmt: skip
# The three phases, in the order of an action. The blank is QUARD's own.
_GAIT, _PHASES = "gait ", ("phase", "offset", "bound")
_ROLL = "roll_cmd"
# Folders of an episode, and whether an episode must have them.
_FOLDERS = {"command": True, "action": True, "image": True, "depth": False}
_ENDS = {"command": ".npy", "action": ".npy", "image": ".png", "depth": ".png"}
_INFO = "info.csv"
# Columns of QUARD, and behind them the words as they were given.
_COLUMNS = (
    "urdf", "instruction", "traj_len", "body_height_cmd", "gait", "step freq",
    "footswing_height_cmd", "pitch_cmd", "roll_cmd", "stance_width_cmd", "speed", "obj_num",
    "tar_obj", "other_obj", "is_success", "words",
)  # fmt: skip
# Undersides of QUARD's bars, m.
_GATES = {0.25: "gate1", 0.2: "gate2", 0.3: "gate3"}
_PREFIXES = {
    "go_to": "go_to", "avoid": "go_avoid", "tunnel": "go_through", "crawl": "crawl",
    "distinguish": "distinguish", "unload": "unload", "stop": "stop",
}  # fmt: skip
_SENTENCES = {
    "go_to": "go to the {}", "go_avoid": "go to the {} and avoid the obstacle",
    "go_through": "go through the {}", "distinguish": "distinguish letter {}",
    "unload": "unload the ball into the {}", "stop": "stop the {}",
}  # fmt: skip
_NO_COLOUR = "texture"
_EPISODE, _FRAME = re.compile(r"\d{6,9}"), re.compile(r"(\d{3,6})\.(?:npy|png)")
_MAX_FRAMES = 100_000


@dataclass(frozen=True)
class Frame:
    """One moment of an episode.

    Attributes:
        action: The action, (12,), as ``actions.NUMBERS`` has it.
        measured: What the robot measures, by QUARD's names: ``joint_pos`` and ``joint_vel`` (12,),
            rad and rad/s; ``body_linear_vel`` and ``body_angular_vel`` in the trunk's frame (3,),
            m/s and rad/s; ``body_pos`` (3,), m; ``body_quat``, x, y, z, w (4,); ``contact_states``
            (4,); ``torques`` (12,), N m; and more.
        image: (height, width, 3).
        depth: (height, width), mm of 16 bits in what is recorded here; None without one.
    """

    action: Array
    measured: Mapping[str, Array]
    image: Picture
    depth: NDArray[np.uint16] | None = None


# Names.


def folder_of(task: Task) -> str:
    """Name of a task's folder."""
    target, colour = task.target.kind, task.target.colour
    if task.skill == "crawl":
        target = _GATES[task.bar]
    elif target == "letter":
        target, colour = colour, _NO_COLOUR
    return f"{_PREFIXES[task.skill]}_{colour}_{target.removeprefix('rolling ')}"


def sentence_of(folder: str) -> str:
    """Instruction of a task's folder, without the manner; empty if it has no such name."""
    if folder.startswith("crawl_"):
        return "crawl under the bar"
    for prefix, sentence in _SENTENCES.items():
        if folder.startswith(f"{prefix}_"):
            colour, _, name = folder.removeprefix(f"{prefix}_").partition("_")
            if name:
                return sentence.format(name if colour == _NO_COLOUR else f"{colour} {name}")
    return ""


# Writing.


class EpisodeWriter:
    """Writes the frames of an episode as they come.

    Attributes:
        frames: Number of frames so far.

    Args:
        folder: The episode's folder; it is to appear whole, so let ``files.writing`` give it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self.frames = folder, 0
        self._last = np.zeros(len(NUMBERS))

    def add(self, frame: Frame) -> None:
        """Write the next frame."""
        files = {
            name: self._folder / name / f"{self.frames:03}{end}" for name, end in _ENDS.items()
        }
        values = dict(zip(NUMBERS, frame.action.tolist(), strict=True))
        commands: dict[str, Any] = {name: values[own] for own, name in _COMMANDS.items()}
        commands |= {_GAIT: np.array([values[name] for name in _PHASES]), _ROLL: 0.0}
        numpy_dicts.write(files["command"], commands)
        numpy_dicts.write(files["action"], frame.measured)
        _write_png(files["image"], frame.image)
        if frame.depth is not None:
            _write_png(files["depth"], frame.depth)
        self.frames, self._last = self.frames + 1, frame.action

    def finish(self, task: Task, robot: str, *, success: bool, speed: float) -> None:
        """Write what is known about the whole episode.

        Args:
            task: The task.
            robot: go2 or go1.
            success: Whether it was done.
            speed: Mean speed, m/s.
        """
        last = dict(zip(NUMBERS, self._last.tolist(), strict=True))
        sentence = sentence_of(folder_of(task))
        others = [f"{each.colour} {each.kind}" for each in task.objects[1:]]
        row = (
            robot, f"{sentence}, {task.manner}", str(self.frames if success else 0),
            last["height"], "trotting", last["frequency"], last["swing"], last["pitch"], 0.0,
            last["width"], f"{speed:.3f}", len(task.objects),
            f"{task.target.colour} {task.target.kind}", others, success, task.instruction,
        )  # fmt: skip
        write_csv(self._folder / _INFO, _COLUMNS, [row])


def _write_png(path: Path, picture: NDArray[Any]) -> None:
    text = io.BytesIO()
    # Little is gained by more compression, at ten times the time.
    Image.fromarray(picture).save(text, format="PNG", compress_level=1)
    write_bytes(path, text.getvalue())


# Reading.


class Episode:
    """A recorded episode, whose frames are read when they are needed.

    Attributes:
        folder: Its folder.
        task: Name of the task's folder, such as go_to_red_cube.
        info: The columns of ``info.csv`` by name.
        length: Number of frames.

    Args:
        folder: Its folder.

    Raises:
        ConfigurationError: Files are missing or there are too many, or something is none of these.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.task = folder, folder.parent.name
        self._files = {name: _frames(folder / name, name, needed) for name, needed in
                       _FOLDERS.items()}  # fmt: skip
        self.length = len(self._files["command"])
        for name, files in self._files.items():
            if files and len(files) != self.length:
                raise ConfigurationError(
                    f"{folder} has {self.length} commands and {len(files)} files in {name}: "
                    "there must be one for each frame"
                )
        self.info = _read_info(folder / _INFO)

    @property
    def instruction(self) -> str:
        """The words as they were given; in QUARD's own episodes, its form with the manner."""
        return self.info.get("words", "").strip() or self.sentence

    @property
    def sentence(self) -> str:
        """QUARD's form of the instruction, with the manner where it is known."""
        said, _, manner = self.info.get("instruction", "").partition(",")
        gait = self.info.get("gait", "")
        gait = gait if gait.isalpha() else "trotting"
        sentence = sentence_of(self.task) or said.strip()
        return f"{sentence} {manner.strip()} with a {gait} gait" if manner.strip() else sentence

    @property
    def success(self) -> bool:
        """Whether the task was done; an episode that doesn't say so counts as done."""
        return self.info.get("is_success", "True").strip() != "False"

    @property
    def is_letter(self) -> bool:
        """Whether the target is a letter, which a mirror would change."""
        letter = self.task.rpartition("_")[2]
        return self.task.startswith("distinguish") and letter in (*LETTERS, *UNSEEN_LETTERS)

    def action(self, index: int) -> Array:
        """Action of a frame, (12,); the last one of a task that was done says terminate."""
        values = self._dictionary("command", index)
        action = np.zeros(len(NUMBERS))
        for own, name in _COMMANDS.items():
            action[NUMBERS.index(own)] = self._number(values, name, ())
        first = NUMBERS.index(_PHASES[0])
        action[first : first + len(_PHASES)] = self._number(values, _GAIT, (len(_PHASES),))
        action[TERMINATE] = float(index == self.length - 1 and self.success)
        return action

    def measured(self, index: int) -> dict[str, Array]:
        """What the robot measured, by QUARD's names."""
        return self._dictionary("action", index)

    def image(self, index: int) -> Picture:
        """Picture of a frame, (height, width, 3)."""
        pixels = self._read("image", index, _pixels)
        if pixels.ndim != 3 or pixels.dtype != np.uint8:
            raise ConfigurationError(f"{self.folder}: image {index} has no colours")
        return np.ascontiguousarray(pixels[..., :3])

    def depth(self, index: int) -> NDArray[Any] | None:
        """Distances of a frame's pixels, (height, width), as they were written; None without."""
        if not self._files["depth"]:
            return None
        pixels = self._read("depth", index, _pixels)
        return pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., 0])

    def _dictionary(self, name: str, index: int) -> dict[str, Array]:
        found: dict[str, Array] = self._read(name, index, numpy_dicts.read)
        return found

    def _number(self, values: dict[str, Array], name: str, shape: tuple[int, ...]) -> Array:
        if name not in values or values[name].size != math.prod(shape):
            raise ConfigurationError(
                f"{self.folder}: a command has no {name.strip()} of {shape or 'one number'}"
            )
        return values[name].reshape(shape)

    def _read(self, name: str, index: int, read: Callable[[Path], Any]) -> Any:
        """A file of a frame; one of 0 bytes is the one before it, as QUART's reading has it."""
        files = self._files[name]
        file = files[index]
        if file.stat().st_size == 0 and index > 0:
            file = files[index - 1]
        return read(file)


def _frames(folder: Path, name: str, needed: bool) -> list[Path]:
    """Files of the frames in their order; their numbers have no gap."""
    if folder.is_symlink() or not folder.is_dir():
        if needed:
            raise ConfigurationError(f"the episode {folder.parent} has no folder {name}")
        return []
    found: dict[int, Path] = {}
    for path in folder.iterdir():
        matched = _FRAME.fullmatch(path.name)
        if matched is None or path.suffix != _ENDS[name] or path.is_symlink():
            raise ConfigurationError(f"{path} is no frame: there are 000{_ENDS[name]} and so on")
        found[int(matched[1])] = path
    numbers = sorted(found)
    if not numbers or len(numbers) > _MAX_FRAMES:
        raise ConfigurationError(f"{folder} has {len(numbers)} frames, not 1 to {_MAX_FRAMES}")
    if numbers[-1] - numbers[0] + 1 != len(numbers):
        raise ConfigurationError(f"frames of {folder} are missing between the first and the last")
    return [found[number] for number in numbers]


def _read_info(path: Path) -> dict[str, str]:
    if path.is_symlink():
        raise ConfigurationError(f"{path} lies elsewhere, and is not followed")
    rows = read_csv(path, "the episode's")
    if len(rows) < 2 or len(rows[0]) != len(rows[1]):
        raise ConfigurationError(f"{path} has no row of values below its header")
    return dict(zip(rows[0], rows[1], strict=True))


def _pixels(path: Path) -> NDArray[Any]:
    return decode_pixels(read_bytes(path, MAX_IMAGE_BYTES, "the image"), str(path), ("PNG",))


def robot_state(measured: Mapping[str, Array]) -> RobotState:
    """State of a robot by what QUARD records of it.

    Raises:
        ConfigurationError: A number is missing.
    """
    try:
        velocity, rate = measured["body_linear_vel"], measured["body_angular_vel"]
        position, turned = measured["body_pos"], measured["body_quat"]
        x, y, z, w = turned / np.linalg.norm(turned)
        return RobotState(
            velocity=velocity[:2],
            yaw_rate=float(rate[2]),
            height=float(position[2]) - 0.3,
            pitch=math.asin(min(max(2.0 * float(w * y - z * x), -1.0), 1.0)),
            roll=math.atan2(2.0 * (w * x + y * z), 1.0 - 2.0 * (x * x + y * y)),
            position=position[:2],
            yaw=math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z)),
        )
    except (KeyError, ValueError, IndexError) as error:
        raise ConfigurationError(
            "a frame lacks numbers of body_linear_vel, body_angular_vel, body_pos or body_quat: "
            f"{error}"
        ) from error


def episodes(root: Path) -> Iterator[Episode]:
    """Episodes of a data set in QUARD's layout, task by task; each is opened when its turn comes.

    Raises:
        ConfigurationError: There is no such folder, it has no episodes, or one is damaged.
    """
    found = False
    for task in sorted(_folders(root)):
        for folder in sorted(_folders(task)):
            if _EPISODE.fullmatch(folder.name):
                found = True
                yield Episode(folder)
    if not found:
        raise ConfigurationError(
            f"{root} has no episodes in QUARD's layout: TASK/000000/command/000.npy and so on"
        )


def _folders(folder: Path) -> list[Path]:
    """Folders in a folder; those that lie elsewhere are not followed."""
    if not folder.is_dir():
        raise ConfigurationError(f"there is no folder {folder}")
    return [each for each in folder.iterdir() if each.is_dir() and not each.is_symlink()]


def ranges(root: Path, every: int = 1) -> Array:
    """Lowest and highest value of each number of the actions, (12, 2), as QUART takes them.

    Phases and terminate go from 0 to 1; a number that never changes has a range of 1e-3.

    Args:
        root: Folder of a data set in QUARD's layout.
        every: Only each such frame is looked at.

    Raises:
        ConfigurationError: As ``episodes``.
    """
    low, high = np.full(len(NUMBERS), np.inf), np.full(len(NUMBERS), -np.inf)
    for episode in episodes(root):
        for index in range(0, episode.length, every):
            action = episode.action(index)
            low, high = np.minimum(low, action), np.maximum(high, action)
    high = np.maximum(high, low + 1e-3)
    for name in ("terminate", *_PHASES):
        low[NUMBERS.index(name)], high[NUMBERS.index(name)] = 0.0, 1.0
    return np.stack([low, high], axis=1)
