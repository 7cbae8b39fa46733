# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command that makes data sets: moments at random, captions, and roll-outs of the expert."""

from __future__ import annotations

import math
from pathlib import Path

import click
from click.core import ParameterSource

from neuro_control.cli.options import executor_options, json_option, out_option, seed_option
from neuro_control.cli.output import show_result
from neuro_control.cli.progress import progress
from neuro_control.errors import ConfigurationError
from neuro_control.learning.executors import workers
from neuro_control.quart.control.actions import POLICY_PERIOD
from neuro_control.quart.control.policy import Policy
from neuro_control.quart.control.tasks import PAIRS
from neuro_control.quart.evaluation import recordings
from neuro_control.quart.evaluation.options import read_tasks, robot_option, tasks_option
from neuro_control.quart.evaluation.recordings import Recordings
from neuro_control.quart.simulation.scenery import SPLITS
from neuro_control.quart.training.data import pictures
from neuro_control.quart.training.data.corrections import Corrections, make_corrections
from neuro_control.quart.training.data.formats import lerobot_dataset, recorded
from neuro_control.quart.training.data.formats.recorded import Recorded
from neuro_control.quart.training.data.moments import Draws
from neuro_control.quart.training.data.pictures import PART, Pictures

FORMATS = ("moments", "quard", "lerobot")
# Pictures of policies that are trained here, and of QUARD, pixels.
_PIXELS = {"moments": 96, "quard": 240}
# Formats that an option is about, where it is not about all.
_FORMATS_OF = {
    "moments": ("moments",), "captions": ("moments",), "correct": ("moments",),
    "source": ("moments", "lerobot"),
    "seed": ("moments", "quard"), "robot": ("moments", "quard"), "pixels": ("moments", "quard"),
    "tasks": ("moments", "quard"), "worlds": ("moments", "quard"),
    "episodes": ("quard",), "draw": ("quard",), "no_depth": ("quard",),
    "rate": ("quard", "lerobot"),
}  # fmt: skip


@click.command()
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="moments", show_default=True,
    help="moments: pictures of random poses with what the expert does there, which policies learn "
    "from; quard: roll-outs of the expert in QUARD's layout; lerobot: such a folder as a "
    "LeRobotDataset.",
)  # fmt: skip
@click.option(
    "--moments", type=click.IntRange(1, 100_000_000), default=100_000, show_default=True,
    help=f"Number of moments, rounded up to parts of {PART} (moments).",
)  # fmt: skip
@click.option(
    "--captions",
    is_flag=True,
    help="Captioned pictures without actions in place of moments with them (moments).",
)
@click.option(
    "--correct", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Weights of a policy that walks the course while the expert says what it should have done "
    "(DAgger), in place of poses at random (moments).",
)  # fmt: skip
@click.option(
    "--episodes", type=click.IntRange(1, 1_000_000), default=100, show_default=True,
    help="Number of roll-outs (quard).",
)  # fmt: skip
@click.option(
    "--draw", type=click.Choice(PAIRS), default="hard", show_default=True,
    help="Whether the other object differs by its colour alone (quard); moments show both.",
)  # fmt: skip
@click.option(
    "--rate", type=int, default=Recordings.rate, show_default=True,
    help="Frames in a second of the roll-outs: 10, 50 or 100 (quard, lerobot, and --source).",
)  # fmt: skip
@click.option("--no-depth", is_flag=True, help="Leave depth pictures out (quard).")
@click.option(
    "--source", type=click.Path(path_type=Path, file_okay=False),
    help="Folder of roll-outs in QUARD's layout, whose frames become moments (moments, lerobot).",
)  # fmt: skip
@tasks_option
@click.option(
    "--worlds", type=click.Choice(SPLITS), default="seen", show_default=True,
    help="Worlds: plain, those of training, or those that are kept for the test.",
)  # fmt: skip
@click.option(
    "--pixels", type=click.IntRange(16, 1024),
    show_default="96 for moments, 240 for quard", help="Height and width of pictures.",
)  # fmt: skip
@robot_option
@seed_option
@executor_options
@out_option("Folder of this data set; one that was interrupted is resumed.")
@json_option
def generate(
    form: str,
    moments: int,
    captions: bool,
    correct: Path | None,
    episodes: int,
    draw: str,
    rate: int,
    no_depth: bool,
    source: Path | None,
    tasks: str,
    worlds: str,
    pixels: int | None,
    robot: str,
    seed: int,
    jobs: int,
    cluster: str | None,
    out: Path,
    json: str | None,
) -> None:
    """Make a data set of QUARD's tasks; the same command resumes one that was interrupted."""
    _check_given(form)
    draws = Draws(skills=read_tasks(tasks), scenery=worlds)
    size = _PIXELS.get(form, 0) if pixels is None else pixels
    count: dict[str, int] = {}
    if form == "lerobot":
        _convert(source, out, rate)
    elif form == "moments" and source is not None:
        with workers(jobs, cluster) as executor, progress("moments", unit="parts") as show:
            recorded.convert(source, out, Recorded(size, rate, seed), executor, show)
    elif form == "moments":
        parts = math.ceil(moments / PART)
        with workers(jobs, cluster) as executor, progress("moments", parts, "parts") as show:
            if correct is None:
                taken = Pictures(draws, captions, size, seed, robot)
                pictures.generate(out, taken, parts, executor, show)
            else:
                Policy.load(correct)  # a wrong file is refused here
                corrected = Corrections(correct, draws, seed, robot)
                pictures.generate(out, corrected, parts, executor, show, make_corrections)
        count["moments"] = parts * PART
    else:
        with workers(jobs, cluster) as executor, progress("roll-outs", episodes, "") as show:
            recording = Recordings(draws, robot, draw, "quard", size, rate, not no_depth, seed)
            recordings.generate(out, recording, episodes, executor, show)
        count["episodes"] = episodes
    result = {"format": form, "folder": str(out), **count}
    show_result(result, json, f"written: {out}")


def _convert(source: Path | None, out: Path, rate: int) -> None:
    """Write a LeRobotDataset of roll-outs, with as many frames in a second as a policy decides."""
    if source is None:
        raise ConfigurationError(
            "the format lerobot is made of roll-outs: give their folder with --source, which "
            "`neuro-control generate quard --format quard` makes"
        )
    with progress("episodes") as show:
        lerobot_dataset.write(source, out, max(1, round(rate * POLICY_PERIOD)), rate, show)


def _check_given(form: str) -> None:
    """Refuse options of another format, which would change nothing.

    Raises:
        ConfigurationError: One of them is given.
    """
    context = click.get_current_context()
    for name, forms in _FORMATS_OF.items():
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        # Moments of roll-outs need their rate.
        fits = form in forms or (name == "rate" and context.params["source"] is not None)
        if given and not fits:
            raise ConfigurationError(
                f"--{name.replace('_', '-')} belongs to the format {' or '.join(forms)}, and the "
                f"format is {form}"
            )
        if given and name in ("captions", "pixels") and context.params["correct"] is not None:
            raise ConfigurationError(
                f"--{name} and --correct exclude one another: the pictures of a policy that walks "
                "are those that it sees"
            )
