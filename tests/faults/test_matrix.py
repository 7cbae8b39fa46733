# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The fault matrix: a small part of it on the real nodes, and that it finds what is wrong."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from neuro_control.errors import ConfigurationError
from neuro_control.faults.experiment import MatrixSetting, matrix, repeated, summarise
from neuro_control.faults.harness import Harness, claim_domain
from neuro_control.faults.subject import find_subject
from tests.faults import reckless

# Beyond those of the tests' own nodes.
DOMAIN = 201


@contextmanager
def working(name, subject):
    """A harness that drives the node."""
    domain, claim = claim_domain(DOMAIN)
    with claim:
        harness = Harness(name, subject, domain, simulated=False)
        try:
            yield harness
        finally:
            harness.close()


@pytest.mark.parametrize(
    ("node", "faults"),
    [
        ("swimmer_controller", ["silence", "not_finite", "killed"]),
        ("propulsion", ["silence", "stale", "wrong_names"]),
    ],
)
def test_no_oracle_fails_in_a_small_part_of_the_matrix(node, faults):
    with working(node, find_subject(node)) as harness:
        for fault in faults:
            found = repeated(harness, fault, seed=0)
            assert found["held"], (fault, found)


def test_a_node_without_protection_is_seen_through():
    with working("reckless", reckless.SUBJECT) as harness:
        for fault, oracle, says in (
            ("silence", "safe_in_time", "not safe in time"),
            ("not_finite", "finite", "effort is not finite"),
            ("huge_numbers", "within_limits", "too much"),
            ("wrong_size", "alive", "it ended"),
        ):
            found = repeated(harness, fault, seed=0)
            assert not found["held"]
            assert not found[oracle]
            assert says in found["detail"]
        # The last has ended it, and nobody but a restart helped.
        assert found["recovered_by"] == "restart"


def test_the_matrix_leaves_a_row_for_each_trial_and_sums_up_cells(tmp_path):
    with ThreadPoolExecutor(1) as executor:
        setting = MatrixSetting(tmp_path, executor, ["propulsion"], ["silence"], range(2), DOMAIN)
        rows = matrix(setting)
    assert [(row["fault"], row["seed"]) for row in rows] == [("silence", 0), ("silence", 1)]
    (silence,) = summarise(rows)
    assert (silence["trials"], silence["held"]) == (2, 2)
    assert silence["recovered_by"] == "itself"
    # command_timeout is 0.5 s, and a command may have been on its way.
    assert 400 < silence["to_safe_median_ms"] <= silence["to_safe_max_ms"]


def test_a_node_that_is_not_in_the_matrix_is_refused_with_those_that_are():
    with pytest.raises(ConfigurationError, match="no node 'fish' in the matrix: there are"):
        find_subject("fish")
