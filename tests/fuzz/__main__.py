# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.fuzz``: fuzz parsers of bytes for some minutes each."""

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


if __name__ == "__main__":
    main()
