# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Control laws by name, their numbers, and files of them."""

import json

import pytest

from neuro_control.blimp.control.laws import FILTERED, LAWS, make_law, pid_settings
from neuro_control.blimp.control.pid import PID, PIDSettings
from neuro_control.blimp.control.spiking_controller import SpikingController
from neuro_control.errors import ConfigurationError
from tests.test_cli import command


def test_every_name_is_a_law():
    for name in LAWS:
        law = make_law(name)
        assert isinstance(law, SpikingController if name.startswith("snn") else PID)
    assert make_law("pid-filtered").settings == FILTERED
    assert make_law("snn").facts != make_law("snn-evolved").facts
    tuned = make_law("pid-tuned").settings
    assert tuned.integral > 0
    assert tuned != FILTERED


def test_numbers_of_any_pid_can_be_changed():
    assert pid_settings("pid-filtered", {"integral": 1.5}).integral == 1.5
    assert pid_settings("pd", {"integral": 1.5}).integral == 0.0
    assert make_law("pd", PIDSettings(5.0, 1.0, 2.0)).settings == PIDSettings(5.0, 0.0, 2.0)


@pytest.mark.parametrize("text", ["[1, 2]", "gain: 3", "", "proportional: [", "\xff"])
def test_a_file_that_is_no_pid_is_refused(tmp_path, text):
    file = tmp_path / "pid.yaml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"pid\.yaml is no"):
        make_law(str(file))


def test_the_command_line_changes_pids_and_flights(tmp_path):
    flown = ("evaluate", "blimp", "--controller", "pid", "--seeds", 1, "--jobs", 1, "--json", "-")
    plain, changed = (
        json.loads(command(*flown, *more).stdout)
        for more in ((), ("--set", "integral=0", "--set", "heaviness=0.003"))
    )
    # Without its integral a PID does not hold a heavy blimp.
    assert changed["sse_m"] > 5 * plain["sse_m"]
    done = command(*flown, "--set", "magic=1")
    assert done.returncode == 2
    assert "--set takes NAME=VALUE of proportional" in done.stderr
