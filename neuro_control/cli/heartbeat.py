# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command ``neuro-control heartbeat``: lets robots move for as long as it runs."""

from __future__ import annotations

import click

from neuro_control.cli.output import remarks


@click.command()
@click.option(
    "--rate",
    type=click.FloatRange(0.1, 1000.0),
    default=10.0,
    show_default=True,
    help="Numbers a second.",
)
@click.option("--namespace", default="/", show_default=True, help="Namespace of the robot.")
def heartbeat(rate: float, namespace: str) -> None:
    """Send the heartbeat that nodes with `heartbeat_timeout` need, until Ctrl-C.

    When it ends, however it does, or its link breaks, these nodes stop their robots.
    """
    from neuro_control.ros import process
    from neuro_control.ros.safety.heartbeat import Heartbeat

    process.initialise([])
    stop = process.Stop()
    node = Heartbeat(rate, namespace)
    try:
        remarks.print(f"sends {node.topic} {rate:g} times a second; Ctrl-C stops the robots")
        process.spin([node], stop)
    finally:
        process.close([node])
