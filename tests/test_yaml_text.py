# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""YAML from outside is plain values, and no more of them than can be meant."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_control.errors import ConfigurationError
from neuro_control.yaml_text import read_yaml


def test_plain_values_aliases_and_merges_are_read():
    text = "a: &one {x: 1, y: [2.5, true, text]}\nb: *one\nc: {<<: *one, x: 3}\nd: 2026-11-25"
    found = read_yaml(text, "it")
    assert found["b"] == found["a"] == {"x": 1, "y": [2.5, True, "text"]}
    assert found["c"] == {"x": 3, "y": [2.5, True, "text"]}
    assert read_yaml("", "it") is None


def bomb(levels, merged=False):
    """Nine aliases of nine aliases of …"""
    lines = ["a0: &a0 {k: v}" if merged else "a0: &a0 [x]"]
    for level in range(1, levels):
        aliases = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(
            f"a{level}: &a{level} " + (f"{{<<: [{aliases}]}}" if merged else f"[{aliases}]")
        )
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (bomb(12), "holds more than 100000 values"),
        (bomb(12, merged=True), "holds more than 100000 values"),
        ("[" * 3000 + "]" * 3000, "nests deeper than 32 values"),
        ("{a: " * 3000 + "}" * 3000, "nests deeper than 32 values"),
        ("- " * 3000 + "x", "nests deeper than 32 values"),
        ("&a [*a]", "an alias stands within what it repeats"),
        ("[" + "1, " * 100_001 + "1]", "holds more than 100000 values"),
        ("9" * 5000, "a number has more than 100 digits"),
        (":".join(["59"] * 1_000_000), "a number has more than 100 digits"),
        (" " * 2**23, "is longer than the 4194304 bytes"),
        ("2026-99-99", "is no YAML"),
        ("{[1]: 2}", "is no YAML"),
        ("a: [", "is no YAML"),
        ("\0", "is no YAML"),
        ("!!python/object/apply:os.system [true]", "is no YAML"),
    ],
    ids=range(15),
)
@pytest.mark.timeout(60)
def test_what_is_no_yaml_or_too_much_of_it_is_refused_in_one_sentence(text, why):
    begun = time.process_time()
    with pytest.raises(ConfigurationError, match=f"^it .*{why}") as caught:
        read_yaml(text, "it")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert time.process_time() - begun < 30


@given(st.text(max_size=60) | st.text("[]{}:&*a-!'\"\n <|>1", max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        read_yaml(text, "it")
    except ConfigurationError as error:
        assert "\n" not in str(error)
