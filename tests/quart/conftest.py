# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What all tests of QUART share."""

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Several threads of torch would wait for each other where the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
