# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""ROS parameters as one frozen dataclass a node: default, range and description side by side.

A field made by ``parameter`` becomes a ROS parameter of its name. ``__post_init__`` of the
dataclass checks what concerns several fields at once; it runs before any change is applied.
A parameter that was renamed is also accepted under its old name, with a warning.
"""

from __future__ import annotations

import array
import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from neuro_control.errors import ConfigurationError

P = TypeVar("P")

_TYPES: dict[type, Parameter.Type] = {
    bool: Parameter.Type.BOOL,
    int: Parameter.Type.INTEGER,
    float: Parameter.Type.DOUBLE,
    str: Parameter.Type.STRING,
}
# Parameters that rclpy itself declares on every node.
_OF_EVERY_NODE = ("use_sim_time", "start_type_description_service", "qos_overrides.")
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
# Release in which the old names of parameters are no longer accepted.
_OLD_NAMES_END = "0.3"


def parameter(
    default: Any,
    description: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    items: type = str,
    fixed: bool = False,
    formerly: tuple[str, ...] = (),
) -> Any:
    """Field of a parameter dataclass.

    Args:
        default: Default; its type (bool, int, float, str or a tuple) is the parameter's.
        description: What the parameter does, with its unit.
        low: Smallest value allowed; needs ``high``.
        high: Largest value allowed.
        choices: The texts allowed, for a text.
        items: Type of a tuple's items, str or float.
        fixed: Can be set at start only.
        formerly: Names that the parameter had before. They are accepted in its place, with one
            warning in the log.
    """
    metadata = {
        "description": description,
        "low": low,
        "high": high,
        "choices": choices,
        "items": items,
        "fixed": fixed,
        "formerly": formerly,
    }
    return dataclasses.field(default=default, metadata=metadata)


def _kind(field: dataclasses.Field[Any]) -> type:
    return type(field.default)


def _checked(field: dataclasses.Field[Any], value: Any) -> Any:
    """``value`` in the field's own type, or a ConfigurationError that says what would be right."""
    kind = _kind(field)
    low, high = field.metadata["low"], field.metadata["high"]
    choices = field.metadata["choices"]
    if kind is tuple:
        items = field.metadata["items"]
        words = f"{field.name} is a list of {'texts' if items is str else 'finite numbers'}"
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise ConfigurationError(f"{words}, not {value!r}")
        value = tuple(value)
        if items is float:
            value = tuple(float(item) if type(item) is int else item for item in value)
        if not all(_is_item(item, items) for item in value):
            raise ConfigurationError(f"{words}, not {list(value)!r}")
        return value
    if kind is float and type(value) is int:
        value = float(value)  # YAML's 250 is an integer; a user means the number
    if type(value) is not kind:
        raise ConfigurationError(f"{field.name} is {_WORDS[kind]}, not {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigurationError(f"{field.name} is a finite number, not {value}")
    if low is not None and not low <= value <= high:
        raise ConfigurationError(
            f"{field.name} lies between {low:g} and {high:g}, {value:g} does not"
        )
    if choices and value not in choices:
        raise ConfigurationError(f"{field.name} is one of {', '.join(choices)}, not '{value}'")
    return value


def _is_item(item: Any, items: type) -> bool:
    return type(item) is items and (not isinstance(item, float) or math.isfinite(item))


def _ros_type(field: dataclasses.Field[Any]) -> Parameter.Type:
    """Type of the ROS parameter that holds the field's value."""
    numbers = field.metadata["items"] is float
    of_tuples = Parameter.Type.DOUBLE_ARRAY if numbers else Parameter.Type.STRING_ARRAY
    return _TYPES.get(_kind(field), of_tuples)


def _ros_value(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _descriptor(field: dataclasses.Field[Any]) -> ParameterDescriptor:
    low, high = field.metadata["low"], field.metadata["high"]
    choices = field.metadata["choices"]
    descriptor = ParameterDescriptor(
        name=field.name,
        type=_ros_type(field).value,
        description=field.metadata["description"],
        additional_constraints=f"one of {', '.join(choices)}" if choices else "",
        read_only=field.metadata["fixed"],
    )
    if low is not None:
        if _kind(field) is int:
            descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high))]
        else:
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(low), to_value=float(high))
            ]
    # Types are checked here: ROS would refuse 250 where 250.0 is meant, and an empty list always.
    descriptor.dynamic_typing = _kind(field) in (float, tuple)
    return descriptor


class Declaring:
    """Mixin of the nodes whose parameters ``declare`` declares."""

    def declare_parameters(
        self, namespace: str, parameters: list[Any], ignore_override: bool = False
    ) -> list[Parameter]:
        """Declare as rclpy does, except that an empty list is skipped and the default counts.

        ROS knows no empty list: it arrives as a value of no type, which rclpy refuses with an
        exception. `ros2 param dump` writes them all the same.
        """
        given = [p for p in parameters if len(p) < 2 or p[1] is not None]
        declared: list[Parameter] = super().declare_parameters(  # type: ignore[misc]  # rclpy's
            namespace, given, ignore_override
        )
        return declared


def _current_names(
    node: Node, fields: Mapping[str, dataclasses.Field[Any]]
) -> Callable[[str], str]:
    """Function that turns a parameter's old name into today's, and warns of it once."""
    names = {old: name for name, field in fields.items() for old in field.metadata["formerly"]}
    warned: set[str] = set()

    def current(name: str) -> str:
        if name in names and name not in warned:
            warned.add(name)
            node.get_logger().warning(
                f"the parameter '{name}' is now '{names[name]}'; "
                f"the old name goes with release {_OLD_NAMES_END}"
            )
        return names.get(name, name)

    return current


def _converted(field: dataclasses.Field[Any] | None, parameter: Parameter, name: str) -> Parameter:
    """``parameter`` with the field's ``name`` and type, so that 1 set for 1.0 is stored as 1.0."""
    if field is None:
        return parameter
    try:
        value = _checked(field, parameter.value)
    except ConfigurationError:
        # It keeps its value and its type: ``verdict`` refuses it and says what would be right.
        return Parameter(name, parameter.type_, parameter.value)
    return Parameter(name, _ros_type(field), _ros_value(value))


def declare(node: Node, kind: type[P]) -> P:
    """Declare every field of the dataclass ``kind`` on ``node`` and read its values.

    ``node`` was made with ``automatically_declare_parameters_from_overrides=True``, so that an
    unknown name is an error rather than ignored.

    Raises:
        ConfigurationError: A value has the wrong type or range, values contradict one another, or
            a parameter was given that the node does not have.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    current = _current_names(node, fields)
    given: dict[str, Any] = {}
    for name, value in node.get_parameters_by_prefix("").items():
        if current(name) != name:
            node.undeclare_parameter(name)
        if current(name) in given:
            raise ConfigurationError(f"{node.get_name()}: {_given_twice(fields[current(name)])}")
        given[current(name)] = value
    foreign = sorted(
        name for name in given if name not in fields and not name.startswith(_OF_EVERY_NODE)
    )
    if foreign:
        raise ConfigurationError(
            f"{node.get_name()} has no parameter {', '.join(foreign)}: it has {', '.join(fields)}"
        )
    try:
        instance = kind(
            **{
                name: _checked(field, given[name].value)
                for name, field in fields.items()
                if name in given
            }
        )
    except ConfigurationError as error:
        raise ConfigurationError(f"{node.get_name()}: {error}") from error
    for name, field in fields.items():
        if node.has_parameter(name):
            node.undeclare_parameter(name)
        value = _ros_value(getattr(instance, name))
        node.declare_parameter(name, value, _descriptor(field), ignore_override=True)

    def convert(parameters: list[Parameter]) -> list[Parameter]:
        return [_converted(fields.get(current(p.name)), p, current(p.name)) for p in parameters]

    node.add_pre_set_parameters_callback(convert)
    return instance


def _given_twice(field: dataclasses.Field[Any]) -> str:
    old = " and ".join(f"'{name}'" for name in field.metadata["formerly"])
    return f"{field.name} is given twice: {old} is its old name, give the new one only"


def changed(instance: P, parameters: Iterable[Parameter]) -> P:
    """Copy of ``instance`` with ``parameters`` applied; those that are not its fields are ignored.

    Raises:
        ConfigurationError: A value is out of range, fixed, or contradicts another.
    """
    fields = {field.name: field for field in dataclasses.fields(instance)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for p in parameters:
        field = fields.get(p.name)
        if field is None:
            continue
        value = _checked(field, p.value)
        if field.metadata["fixed"] and value != getattr(instance, p.name):
            raise ConfigurationError(f"{p.name} can only be set when the node starts")
        if p.name in values:
            raise ConfigurationError(_given_twice(field))
        values[p.name] = value
    return dataclasses.replace(instance, **values)  # type: ignore[type-var]


def verdict(instance: Any, parameters: Iterable[Parameter]) -> SetParametersResult:
    """Result of rclpy's on-set callback: whether ``parameters`` may be set, and why not."""
    try:
        changed(instance, parameters)
    except ConfigurationError as error:
        return SetParametersResult(successful=False, reason=str(error))
    return SetParametersResult(successful=True)


def parameters_of(node: Node) -> dict[str, Any]:
    """All parameters of ``node`` by name, its clock's among them, as a parameter file has them."""
    found = {name: each.value for name, each in node.get_parameters_by_prefix("").items()}
    return {
        name: list(value) if isinstance(value, tuple | array.array) else value
        for name, value in found.items()
        if name == "use_sim_time" or not name.startswith(_OF_EVERY_NODE)
    }
