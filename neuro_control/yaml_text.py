# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reads YAML from outside: plain values only, and no more of them than can be meant.

An alias repeats what its anchor holds. Aliases of aliases make a few lines stand for thousands of
millions of values; values nested thousands deep exhaust the stack. Both are counted and refused
while the text is read.
"""

from __future__ import annotations

import reprlib
from typing import Any

import yaml

from neuro_control.errors import ConfigurationError
from neuro_control.limits import MAX_YAML_BYTES, MAX_YAML_DEPTH, MAX_YAML_VALUES

# What the reader raises of a text that is no YAML: dates and numbers that there are not, mappings
# whose keys are lists, whole numbers of more than 4,300 digits.
_NO_YAML = (
    yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError, OverflowError,
    RecursionError,
)  # fmt: skip

_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
# Digits of a number. Those of a number to the base of 60, which YAML has, take time to multiply.
_MAX_DIGITS = 100


class _LimitedLoader(yaml.SafeLoader):
    """Counts values, those that aliases repeat included, and how deep they nest."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._values = 0
        self._depth = 0
        self._sizes: dict[int, int] = {}  # by the id of a node, which the tree keeps alive

    def compose_node(self, parent: Any, index: Any) -> Any:
        is_alias = self.check_event(yaml.AliasEvent)
        before = self._values
        self._depth += 1
        if self._depth > MAX_YAML_DEPTH:
            raise ValueError(f"it nests deeper than {MAX_YAML_DEPTH} values")
        node = super().compose_node(parent, index)
        if is_alias and id(node) not in self._sizes:
            raise ValueError("an alias stands within what it repeats")
        self._depth -= 1
        self._values += self._sizes[id(node)] if is_alias else 1
        if self._values > MAX_YAML_VALUES:
            raise ValueError(f"it holds more than {MAX_YAML_VALUES} values")
        self._sizes[id(node)] = self._values - before
        return node

    def compose_scalar_node(self, anchor: Any) -> Any:
        node = super().compose_scalar_node(anchor)
        if node.tag in _NUMBERS and len(node.value) > _MAX_DIGITS:
            raise ValueError(f"a number has more than {_MAX_DIGITS} digits")
        return node


def read_yaml(text: str, what: str) -> Any:
    """What a YAML (or JSON) text holds.

    Args:
        text: The text.
        what: What errors call it.

    Returns:
        Mappings, lists, texts, numbers and the like; None for an empty text.

    Raises:
        ConfigurationError: It is no YAML, or larger than ``limits`` allows.
    """
    if len(text) > MAX_YAML_BYTES:
        raise ConfigurationError(f"{what} is longer than the {MAX_YAML_BYTES} bytes that are read")
    try:
        # A loader's beginning refuses characters that YAML forbids.
        return _LimitedLoader(text).get_single_data()
    except _NO_YAML as error:
        reason = " ".join(str(error).split())
        raise ConfigurationError(f"{what} is no YAML: {reason or reprlib.repr(text)}") from error
