# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Types of messages by name, and their definitions as the text of a ``.msg`` file."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Any

from neuro_control.errors import ConfigurationError

# What rclpy calls the basic types, and what a .msg file does.
_BASIC = {"boolean": "bool", "octet": "byte", "float": "float32", "double": "float64"}
_RULE = "=" * 80


def type_name(message_type: type[Any]) -> str:
    """Name of a message type, as ``sensor_msgs/msg/JointState``."""
    package = message_type.__module__.partition(".")[0]
    return f"{package}/msg/{message_type.__name__}"


@cache
def find_type(name: str) -> type[Any]:
    """Type of messages by its name, such as ``sensor_msgs/msg/Imu``, or ``sensor_msgs/Imu``.

    Raises:
        ConfigurationError: There is none; only packages of interfaces are imported.
    """
    found = re.fullmatch(r"([a-z][a-z0-9_]*)/(?:msg/)?([A-Z][A-Za-z0-9]*)", name)
    if found is None:
        raise ConfigurationError(f"a type is like sensor_msgs/msg/Imu, not '{name}'")
    package, kind = found.groups()
    spec = importlib.util.find_spec(package)
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    # A package of interfaces has a file of this kind for each message, and is nothing else.
    if not any((Path(folder) / "msg" / "__init__.py").is_file() for folder in folders):
        raise ConfigurationError(f"no package of messages '{package}' is installed")
    made = getattr(importlib.import_module(f"{package}.msg"), kind, None)
    if not isinstance(made, type) or not hasattr(made, "get_fields_and_field_types"):
        raise ConfigurationError(f"{package} has no message {kind}")
    return made


@cache
def definition(kind: str) -> str:
    """Definition of the message type of a name, with those of all types that it contains.

    The text is what MCAP calls ``ros2msg``: a section for each type, of which the first is the
    message's own. Constants and comments are left out, since no reader decodes by them.
    """
    message_type = find_type(kind)
    sections = [_fields(message_type)]
    waiting, seen = _contained(message_type), {type_name(message_type)}
    while waiting:
        inner = waiting.pop(0)
        if type_name(inner) in seen:
            continue
        seen.add(type_name(inner))
        package, _, name = type_name(inner).split("/")
        sections.append(f"{_RULE}\nMSG: {package}/{name}\n{_fields(inner)}")
        waiting += _contained(inner)
    return "".join(sections)


def _fields(message_type: type[Any]) -> str:
    """Lines of the fields of a message."""
    fields = message_type.get_fields_and_field_types()
    return "".join(f"{_spelt(kind)} {name}\n" for name, kind in fields.items())


def _spelt(kind: str) -> str:
    """Type of a field as a .msg file has it: ``sequence<double, 3>`` is ``float64[<=3]``."""
    sequence = re.fullmatch(r"sequence<(.+?)(?:, (\d+))?>", kind)
    if sequence is not None:
        return f"{_spelt(sequence[1])}[{f'<={sequence[2]}' if sequence[2] else ''}]"
    fixed = re.fullmatch(r"(.+)\[(\d+)\]", kind)
    if fixed is not None:
        return f"{_spelt(fixed[1])}[{fixed[2]}]"
    text = re.fullmatch(r"(w?string)<(\d+)>", kind)
    if text is not None:
        return f"{text[1]}<={text[2]}"
    return _BASIC.get(kind, kind)


def _contained(message_type: type[Any]) -> list[type[Any]]:
    """Message types of the fields of a message."""
    kinds = message_type.get_fields_and_field_types().values()
    names = [re.sub(r"^sequence<|[,>\[].*$", "", kind) for kind in kinds]
    return [find_type(name) for name in names if "/" in name]
