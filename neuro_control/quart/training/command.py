# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command that trains a policy: options, progress, and the curve as TensorBoard shows it."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import torch

from neuro_control.cli.options import json_option, out_option, seed_option
from neuro_control.cli.output import show_result
from neuro_control.cli.progress import progress
from neuro_control.errors import ConfigurationError
from neuro_control.files import read_csv, write_csv
from neuro_control.quart.control.networks.base import Network
from neuro_control.quart.control.networks.settings import NetworkSize
from neuro_control.quart.control.policy import Policy
from neuro_control.quart.training.data.pictures import PictureSet
from neuro_control.quart.training.train import Training, train

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_COLUMNS = ("updates", "loss")
_LOGGED = 50  # updates between two points of the curve


class _Log:
    """The loss as TensorBoard shows it, and as a table.

    Args:
        folder: Folder of the training.

    Raises:
        ConfigurationError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigurationError(
                f"{error.name} is missing: pip install 'neuro_control[train]'"
            ) from error
        self._make = partial(SummaryWriter, str(folder / "tensorboard"))
        self._writer: SummaryWriter | None = None
        self._file = folder / "learning_curve.csv"
        self._curve: list[tuple[int, float]] = []

    def add(self, updates: int, loss: float) -> None:
        """Note the loss; what an interrupted run noted beyond its last checkpoint is replaced."""
        if self._writer is None:
            self._writer = self._make(purge_step=updates)
            self._curve = [each for each in _read_curve(self._file) if each[0] < updates]
        if updates % _LOGGED == 0:
            self._writer.add_scalar("training/loss", loss, updates)
            self._curve.append((updates, loss))
            rows = [(each, f"{value:.4f}") for each, value in self._curve]
            write_csv(self._file, _COLUMNS, rows)

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()


def _read_curve(file: Path) -> list[tuple[int, float]]:
    """The curve that an interrupted training has left; none if there is none."""
    if not file.is_file():
        return []
    return [(int(updates), float(loss)) for updates, loss in read_csv(file)[1:]]


def _read_start(file: Path, network: str) -> Network:
    """The network to start from.

    Raises:
        ConfigurationError: The file has none that could be trained, or --network is given too.
    """
    if network:
        raise ConfigurationError("--start brings the network along: leave --network out")
    found = Policy.load(file).network
    if not isinstance(found, Network):
        raise ConfigurationError(f"{file} was exported: give the weights that it came from")
    return found


def read_size(text: str) -> NetworkSize:
    """Settings of a network from a text such as ``image=96 hidden=256 channels=24/48/96``.

    Raises:
        ConfigurationError: It is not of that form, or names what a network has not.
    """
    default = NetworkSize()
    values: dict[str, Any] = {}
    for part in text.replace(",", " ").split():
        name, _, value = part.partition("=")
        known = asdict(default)
        if name not in known or not value:
            raise ConfigurationError(
                f"--network is like image=96,hidden=256, and {part!r} is not: there are "
                f"{', '.join(known)}"
            )
        try:
            values[name] = _read_as(known[name], value)
        except ValueError as error:
            raise ConfigurationError(
                f"the network's {name} is of the form {known[name]}, not {value}"
            ) from error
    return replace(default, **values)


def _read_as(default: Any, value: str) -> Any:
    if isinstance(default, tuple):
        return tuple(int(each) for each in value.split("/"))
    return value if isinstance(default, str) else int(value)


@click.command("train")
@click.option(
    "--data", "folders", type=click.Path(path_type=Path, file_okay=False), multiple=True,
    required=True,
    help="Folder of moments that `generate quard` made; may be given more than once, for captions "
    "beside moments.",
)  # fmt: skip
@click.option(
    "--updates", type=click.IntRange(min=1), default=Training.updates, show_default=True,
    help="Number of updates; a training may be made longer.",
)  # fmt: skip
@click.option(
    "--batch", type=click.IntRange(1, 65_536), default=Training.batch, show_default=True,
    help="Moments of an update.",
)  # fmt: skip
@click.option(
    "--learning-rate", "rate", type=click.FloatRange(0, 1, min_open=True),
    default=Training.rate, show_default=True, help="Highest rate of learning.",
)  # fmt: skip
@click.option(
    "--network", default="", metavar="NAME=VALUE,…", show_default="the default network",
    help=f"What differs of the network: {', '.join(asdict(NetworkSize()))}.",
)  # fmt: skip
@click.option(
    "--start", type=click.Path(path_type=Path, dir_okay=False), default=None, metavar="FILE",
    help="Weights to start from in place of weights at random, whose network this is: a further "
    "round, with corrections beside the moments.",
)  # fmt: skip
@click.option("--no-mirror", is_flag=True, help="Leave out the pictures that are mirrored.")
@seed_option
@click.option(
    "--threads", type=click.IntRange(1, 256), default=1, show_default=True,
    help="Threads that compute; two trainings beside one another beat two threads.",
)  # fmt: skip
@out_option("Folder of this training; one that was interrupted is resumed.")
@json_option
def train_command(
    folders: tuple[Path, ...],
    updates: int,
    batch: int,
    rate: float,
    network: str,
    start: Path | None,
    no_mirror: bool,
    seed: int,
    threads: int,
    out: Path,
    json: str | None,
) -> None:
    """Train a policy of QUARD's tasks; the same command resumes one that was interrupted."""
    first = None if start is None else _read_start(start, network)
    size = read_size(network) if first is None else first.size
    training = Training(
        updates=updates, batch=batch, rate=rate, mirror=not no_mirror, seed=seed,
        start="" if start is None else hashlib.sha256(start.read_bytes()).hexdigest(),
    )  # fmt: skip
    data = PictureSet(*folders)
    if batch > data.size:
        raise ConfigurationError(f"a batch of {batch} is more than the {data.size} moments of data")
    torch.set_num_threads(threads)
    log, last = _Log(out), math.nan
    with progress("training", updates, "updates") as show:

        def report(done: float, loss: float) -> None:
            nonlocal last
            show(done)
            log.add(int(done), loss)
            last = loss

        try:
            trained = train(data, training, out, size, report, start=first)
        finally:
            log.close()
    file = out / "policy.safetensors"
    Policy(trained).save(file, training=asdict(training), moments=data.size)
    result = {"policy": str(file), "updates": updates, "loss": last, "moments": data.size}
    show_result(result, json, f"written: {file}")
