# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share: the same name, default and help text in each of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from neuro_control.cli.output import remarks
from neuro_control.errors import ConfigurationError
from neuro_control.simulation.effects import parse

Command = TypeVar("Command", bound=Callable[..., Any])


def _check_target(_context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
    """Refuse a file that can't be written before the work, not after it."""
    if value in (None, "-"):
        return value
    path = Path(str(value))
    if path.is_dir():
        raise ConfigurationError(f"--json takes a file or -, and {path} is a folder")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise ConfigurationError(f"can't write {path}: {folder} can't be written to")
    return value


json_option = click.option(
    "--json", callback=_check_target, help="File for the result; - prints it."
)

seed_option = click.option(
    "--seed",
    type=click.IntRange(0, 2**31),
    default=0,
    show_default=True,
    help="Seed of everything that is drawn at random; the first of several.",
)

seeds_option = click.option(
    "--seeds",
    type=click.IntRange(1, 10_000),
    default=5,
    show_default=True,
    help="Number of repetitions, each with a seed of its own.",
)

_jobs_option = click.option(
    "--jobs",
    type=click.IntRange(1, 1000),
    default=len(os.sched_getaffinity(0)),
    show_default="one per core",
    help="Processes that share the work.",
)

_cluster_option = click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Address of a dask scheduler whose workers do the work instead.",
)


def executor_options(command: Command) -> Command:
    """Add ``--jobs`` and ``--cluster``, the arguments of ``learning.executors.workers``."""
    return _jobs_option(_cluster_option(command))


def _parse_effects(_context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
    return tuple(effect for text in value for effect in parse(text))


effect_option = click.option(
    "--effect",
    "effects",
    multiple=True,
    callback=_parse_effects,
    metavar="YAML",
    help="Noise, fault, push or the like, such as 'push: {begins: 3, force: 100}'; repeatable. "
    "docs/effects.md names them all.",
)


def out_option(
    help: str, default: Path | None = None, required: bool = True
) -> Callable[[Command], Command]:
    """Add ``--out``, a folder."""
    return click.option(
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        default=default,
        required=required and default is None,
        show_default=default is not None,
        help=help,
    )


def deprecated_option(old: str, new: str, **attributes: Any) -> Callable[[Command], Command]:
    """Accept the option ``old`` for one release: its value goes to ``new``, with a warning.

    Args:
        old: Name that the option had, such as ``--workers``.
        new: Name that it has now, such as ``--jobs``; where it is given, too, it counts.
        attributes: ``multiple``, ``nargs`` or ``is_flag``, as ``new`` has them.
    """

    def accept(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value in (None, (), False):
            return
        remarks.print(f"warning: {old} is now {new}; {old} goes with the next release")
        parameter = next(each for each in context.command.params if new in each.opts)
        context.default_map = {**(context.default_map or {}), str(parameter.name): value}

    # Eager: its value is the default of `new` by the time that `new` is read.
    return click.option(
        old, hidden=True, is_eager=True, expose_value=False, callback=accept, **attributes
    )
