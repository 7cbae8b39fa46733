"""What programs print and write: JSON to a file or the screen, remarks beside it."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from rich.console import Console

# Remarks and progress go to the error stream: standard output belongs to results.
remarks = Console(stderr=True, highlight=False)


def _plain(value: Any) -> Any:
    """``value`` with numbers that JSON does not know replaced by null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def write_json(result: dict[str, Any], target: str) -> None:
    """Write ``result`` to the file ``target``, whole or not at all; ``-`` is standard output."""
    text = json.dumps(_plain(result), indent=2)
    if target == "-":
        print(text)
        return
    path = Path(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text + "\n")
    os.replace(part, path)
