# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.fuzz``: fuzz parsers of bytes, or nodes at their boundaries."""

from __future__ import annotations

from pathlib import Path

import click

from tests.fuzz import byte_fuzzer
from tests.fuzz.parsers import PARSERS


@click.group(context_settings={"show_default": True})
def main() -> None:
    """Fuzz what the package reads."""


@main.command("bytes")
@click.argument("parser", type=click.Choice(list(PARSERS)))
@click.option("--minutes", default=10.0, help="How long to fuzz, minutes of wall time.")
@click.option("--seed", default=0, help="Seed of the inputs.")
@click.option(
    "--corpus", type=click.Path(path_type=Path), default=Path("out/fuzz"),
    help="Folder of the inputs that reached new code, and of those that failed.",
)  # fmt: skip
def fuzz_bytes(parser: str, minutes: float, seed: int, corpus: Path) -> None:
    """Fuzz a parser of bytes under atheris (pip install atheris); ends at the first finding."""
    byte_fuzzer.fuzz(parser, minutes, seed, corpus)


@main.command("messages")
@click.argument("node")
@click.option("--count", default=1_000_000, help="Messages to send.")
@click.option("--seed", default=0, help="Seed of what they hold.")
def fuzz_messages(node: str, count: int, seed: int) -> None:
    """Send a node messages with anything in them; ends at the first finding."""
    # Its domain and its discovery are those of the tests.
    import tests.conftest  # noqa: F401
    from neuro_control.cli.progress import progress
    from tests.bench import Bench
    from tests.fuzz.nodes import TARGETS, flood, memory

    if node not in TARGETS:
        raise click.BadParameter(f"one of {', '.join(TARGETS)}", param_hint="node")
    bench = Bench()
    try:
        target = TARGETS[node](bench)
        flood(target, min(count, 10_000), seed, lambda sent: None)
        before = memory()
        with progress(node, count) as show:
            flood(target, count - min(count, 10_000), seed + 1, show)
        target.close()
        click.echo(
            f"{node}: {count} messages, {target.commands} commands judged, no finding; memory "
            f"grew by {memory() - before:.1f} MB after the first {min(count, 10_000)}"
        )
    finally:
        bench.close()


if __name__ == "__main__":
    main()
