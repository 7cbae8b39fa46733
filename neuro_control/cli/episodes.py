# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command ``generate episodes``: data sets of any environment for other libraries."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import click

from neuro_control.cli.options import out_option, seed_option
from neuro_control.cli.progress import progress
from neuro_control.cli.scenario import find_environment, resolve
from neuro_control.errors import ConfigurationError
from neuro_control.learning import lerobot_format, minari_format
from neuro_control.learning.episodes import Act, Episode, Source, record

FORMATS: dict[str, ModuleType] = {"minari": minari_format, "lerobot": lerobot_format}


@click.command("episodes")
@click.option(
    "--environment",
    default="neuro_control/SwimmerSwim-v0",
    show_default=True,
    help="Gymnasium environment whose observations and actions are vectors.",
)
@click.option(
    "--policy",
    default="own",
    show_default=True,
    help="What acts: own (the package's controller of that environment), random, or "
    "module:function that takes the environment and gives a function from observation to action.",
)
@click.option(
    "--episodes",
    "count",
    type=click.IntRange(1, 1_000_000),
    default=10,
    show_default=True,
    help="Number of episodes.",
)
@click.option(
    "--source",
    type=click.Path(path_type=Path, file_okay=False),
    help="Data set in one of the formats that is converted instead.",
)
@click.option(
    "--format",
    type=click.Choice(list(FORMATS)),
    default="minari",
    show_default=True,
    help="Format of the data set.",
)
@seed_option
@out_option("Folder of the new data set.")
def episodes(
    environment: str,
    policy: str,
    count: int,
    source: Path | None,
    format: str,
    seed: int,
    out: Path,
) -> None:
    """Record episodes of a Gymnasium environment as a data set, or convert one."""
    if out.exists():
        raise ConfigurationError(f"{out} is there already: give a new folder")
    if source is not None:
        origin, found = _read(source)
        spaces = _spaces_of(found)
    else:
        origin, spaces, found = _recorded(environment, policy, count, seed)
    FORMATS[format].write(out, origin, spaces, found)
    steps = sum(map(len, found))
    total = sum(float(each.rewards.sum()) for each in found) / len(found)
    click.echo(f"{out}: {len(found)} episodes of {origin.environment}, {steps} steps, "
               f"{total:.1f} of return on average")  # fmt: skip


def _read(folder: Path) -> tuple[Source, list[Episode]]:
    """Episodes of a folder in whichever format it is."""
    lerobot = (folder / "meta" / "info.json").is_file()
    origin, found = FORMATS["lerobot" if lerobot else "minari"].read(folder)
    return origin, found


def _spaces_of(found: list[Episode]) -> tuple[Any, Any]:
    import numpy as np
    from gymnasium.spaces import Box

    observed, acted = (
        Box(-np.inf, np.inf, (array.shape[1],), np.float64)
        for array in (found[0].observations, found[0].actions)
    )
    return observed, acted


def _recorded(
    name: str, policy: str, count: int, seed: int
) -> tuple[Source, tuple[Any, Any], list[Episode]]:
    import gymnasium

    import neuro_control.envs  # noqa: F401  # registers them

    try:
        environment = gymnasium.make(name)
    except gymnasium.error.Error as error:
        raise ConfigurationError(f"no environment '{name}': {error}") from error
    act = _policy(name, policy, environment)
    rate = round(environment.metadata.get("render_fps", 1))
    with progress("recording", count, "episodes") as show:
        found = list(record(environment, act, range(seed, seed + count), show))
    spaces = environment.observation_space, environment.action_space
    environment.close()
    return Source(name, policy, rate), spaces, found


def _policy(name: str, policy: str, environment: Any) -> Act:
    if policy == "random":
        environment.action_space.seed(0)
        return lambda _: environment.action_space.sample()
    if policy == "own":
        declared = find_environment(name)
        if declared is None or declared.policy is None:
            raise ConfigurationError(
                f"the package has no controller of {name}: give --policy random or module:function"
            )
        policy = declared.policy
    made: Act = resolve(policy)(environment)
    return made
