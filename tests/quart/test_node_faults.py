# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A small part of the fault matrix on the policy's node."""

import dataclasses

import pytest

from neuro_control.faults.experiment import repeated
from neuro_control.faults.harness import Harness, claim_domain
from neuro_control.faults.subject import find_subject
from tests.quart.policies import steady_policy, write

# Beyond those of the tests' own nodes.
DOMAIN = 205


@pytest.mark.timeout(
    300
)  # the node's process loads what it needs: on a busy machine that takes long
def test_no_oracle_fails_in_a_small_part_of_the_matrix(tmp_path):
    path = str(write(steady_policy(forward=0.4), tmp_path / "policy.safetensors"))
    subject = find_subject("quart_policy")
    subject = dataclasses.replace(
        subject, parameters={**subject.parameters, "policy": path}, weights={"policy": path}
    )
    domain, claim = claim_domain(DOMAIN)
    with claim:
        harness = Harness("quart_policy", subject, domain, simulated=False)
        try:
            for fault in ("silence", "not_finite", "garbage", "wrong_size"):
                found = repeated(harness, fault, seed=0)
                assert found["held"], (fault, found)
        finally:
            harness.close()
