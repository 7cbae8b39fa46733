# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pages of the reference that are generated from the code, as Markdown.

The site takes them by ``hooks.py`` when it is built; tests take the executables and their
parameters from here, too.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import json
import pkgutil
import re
import typing
from pathlib import Path
from typing import Any

import click
from safetensors import safe_open

import neuro_control
from neuro_control.cli import main as command_line
from neuro_control.cli.scenario import discover, resolve
from neuro_control.folders import folders

ROOT = Path(__file__).resolve().parents[1]
_PARAMETERS = """Generated from the code. `ros2 param describe NODE NAME` says the same. Those
marked as fixed can be set at the start only; `neuro-control run … --set NODE.NAME=VALUE` sets one.
"""
_WEIGHTS = """Generated from the files' own metadata; what they are for, and what they can't do, is
in the [model cards](../model_cards.md).
"""
# Modules whose docstrings are no reference: commands have pages of their own.
_NO_PAGE = re.compile(r"\.(__main__|__init__)$|\.cli\.|\.moved$")


@functools.cache
def executables() -> dict[str, type]:
    """Class of the node of each executable, by its name."""
    found = {}
    for file in sorted((ROOT / "bin").iterdir()):
        (module,) = re.findall(r'^start\("([\w.]+)"\)', file.read_text(), re.M)
        (found[file.name],) = [
            each
            for each in vars(importlib.import_module(module)).values()
            if isinstance(each, type) and each.__module__ == module and parameters_type(each)
        ]
    return found


def parameters_type(kind: type) -> Any:
    """The dataclass of a node's parameters, which stands in the brackets of its base; or None."""
    for base in getattr(kind, "__orig_bases__", ()):
        for argument in typing.get_args(base):
            if dataclasses.is_dataclass(argument):
                return argument
    return None


def parameters_page() -> str:
    """All parameters of all nodes."""
    parts = ["# Parameters\n", _PARAMETERS]
    for name, kind in executables().items():
        rows = [_parameter_row(field) for field in dataclasses.fields(parameters_type(kind))]
        summary = (inspect.getdoc(kind) or "").splitlines()[0]
        parts += [f"## {name}\n", f"{summary}\n", "| parameter | default | range | |",
                  "| --- | --- | --- | --- |", *rows, ""]  # fmt: skip
    return "\n".join(parts)


def _parameter_row(field: dataclasses.Field[Any]) -> str:
    facts = field.metadata
    allowed = ""
    if facts.get("low") is not None:
        allowed = f"{facts['low']:g} … {facts['high']:g}"
    elif facts.get("choices"):
        allowed = ", ".join(f"`{each}`" for each in facts["choices"])
    default = list(field.default) if isinstance(field.default, tuple) else field.default
    shown = f"`{json.dumps(default, ensure_ascii=False)}`"
    fixed = " (fixed)" if facts.get("fixed") else ""
    return _row(f"`{field.name}`", shown, allowed, facts["description"] + fixed)


def _row(*cells: str) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def commands_page() -> str:
    """All commands with their options."""
    app = command_line.app
    if "evaluate" not in app.commands:
        command_line._add_verbs(discover())
    context = click.Context(app, info_name="neuro-control")
    parts = ["# Commands\n", "Generated from the code; `neuro-control … --help` says the same.\n"]
    parts += _command_parts(app, context, ())
    return "\n".join(parts)


def _command_parts(group: click.Group, context: click.Context, names: tuple[str, ...]) -> list[str]:
    parts: list[str] = []
    for name in group.list_commands(context):
        command: Any = group.get_command(context, name)
        path, inner = (*names, name), click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            parts += _command_parts(command, inner, path)
            continue
        arguments = " ".join(
            each.make_metavar(inner) for each in command.params if isinstance(each, click.Argument)
        )
        parts += [f"## {' '.join(path)} {arguments}".rstrip() + "\n", f"{command.help or ''}\n"]
        options = [each for each in command.params if isinstance(each, click.Option)]
        if options:
            rows = [_option_row(each, inner) for each in options if not each.hidden]
            parts += ["| option | |", "| --- | --- |", *rows, ""]
    return parts


def _option_row(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    return "" if record is None else _row(f"`{record[0]}`", record[1])


def environments_page() -> str:
    """The Gymnasium environments, by their docstrings."""
    parts = ["# Environments\n", "Generated from the code: what `gymnasium.make` gives.\n"]
    for folder in folders():
        for name, environment in getattr(folder, "ENVIRONMENTS", {}).items():
            text = inspect.getdoc(resolve(environment.entry_point)) or ""
            body = re.sub(r"``(.+?)``", r"`\1`", re.sub(r"^(#+) ", r"#\1 ", text, flags=re.M))
            body = re.split(r"^(?:Args|Raises):$", body, flags=re.M)[0]
            parts += [f"## neuro_control/{name}\n", body, ""]
    return "\n".join(parts)


def weights_page() -> str:
    """What each file of weights says of itself."""
    parts = ["# Files of weights\n", _WEIGHTS]
    for path in weight_files():
        with safe_open(path, framework="numpy") as file:
            facts = json.loads((file.metadata() or {}).get("neuro_control", "{}"))
            shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
        count = sum(functools.reduce(lambda a, b: a * b, shape, 1) for shape in shapes.values())
        rows = [_row(name, f"`{_short(value)}`") for name, value in facts.get("facts", {}).items()]
        size = f"{len(shapes)} arrays, {count:,} numbers, {path.stat().st_size / 1e3:,.0f} kB"
        parts += [f"## {path.name}\n", f"{facts.get('kind', '')}; {size}\n",
                  "| fact | |", "| --- | --- |", *rows, ""]  # fmt: skip
    return "\n".join(parts)


def weight_files() -> list[Path]:
    """All files of weights that the package comes with."""
    return sorted((ROOT / "config").rglob("*.safetensors"))


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else text[:297] + "…"


def modules() -> list[str]:
    """Names of the modules that the reference of the API has a page of."""
    walked = pkgutil.walk_packages(neuro_control.__path__, "neuro_control.")
    return sorted(each.name for each in walked if not each.ispkg and not _NO_PAGE.search(each.name))


PAGES = {
    "reference/parameters.md": parameters_page,
    "reference/commands.md": commands_page,
    "reference/environments.md": environments_page,
    "reference/weights.md": weights_page,
}
"""Function of each generated page, by its path in the site."""
