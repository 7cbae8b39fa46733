# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Options that the experiments with nodes in processes of their own share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from neuro_control.errors import ConfigurationError

domain_option = click.option(
    "--domain",
    type=click.IntRange(0, 232),
    default=150,
    show_default=True,
    help="First ROS domain that may be used: one without robots.",
)


def known(
    there: Callable[[], Sequence[str]], what: str
) -> Callable[[click.Context, click.Parameter, tuple[str, ...]], tuple[str, ...]]:
    """Callback of an option that names some of what there is; all of it by default."""

    def check(
        _context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]
    ) -> tuple[str, ...]:
        for name in value:
            if name not in there():
                raise ConfigurationError(f"no {what} '{name}': there are {', '.join(there())}")
        return value or tuple(there())

    return check
