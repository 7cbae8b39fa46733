# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import pytest

from tests.ros.toy import loop_of


@pytest.fixture
def loop(bench):
    return loop_of(bench)
