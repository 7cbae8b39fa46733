# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Runs one parser under atheris, guided by what its code covers."""

from __future__ import annotations

import sys
from pathlib import Path

# What is instrumented, so that new inputs are sought where they reach new code.
_INSTRUMENTED = ["neuro_control", "rosbags", "yaml", "PIL", "json"]


def fuzz(name: str, minutes: float, seed: int, corpus: Path) -> None:
    """Fuzz the parser ``name`` for ``minutes``; a finding is written to ``corpus`` and ends it.

    The process ends with the run, as libFuzzer has it: with code 0 if nothing was found.

    Raises:
        ImportError: atheris is missing: ``pip install atheris``.
    """
    import atheris

    from tests.fuzz.parsers import PARSERS

    parser = PARSERS[name]
    inputs = corpus / name
    inputs.mkdir(parents=True, exist_ok=True)
    with atheris.instrument_imports(include=_INSTRUMENTED):
        for number, example in enumerate(parser.examples()):
            (inputs / f"example_{number}").write_bytes(example)
            parser.check(example)  # imports what it needs, instrumented
    options = [
        sys.argv[0],
        f"-max_total_time={max(1, round(60 * minutes))}",
        f"-seed={seed + 1}",  # libFuzzer takes 0 for one drawn by the clock
        f"-max_len={parser.longest}",
        f"-artifact_prefix={corpus}/found_{name}_",
        "-rss_limit_mb=2048",
        "-timeout=20",
        "-print_final_stats=1",
        "-verbosity=1",
        str(inputs),
    ]
    atheris.Setup(options, parser.check, enable_python_coverage=True)
    atheris.Fuzz()
