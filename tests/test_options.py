# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Options that commands share."""

import click
import pytest
from click.testing import CliRunner

from neuro_control.cli.options import deprecated_option, executor_options
from neuro_control.cli.scenario import discover, resolve


def commands():
    """All commands of all scenarios, those of groups one by one."""
    for scenario in discover().values():
        for name in scenario.commands.values():
            command = resolve(name)
            yield from command.commands.values() if isinstance(command, click.Group) else [command]


def test_an_option_has_one_default_and_one_help_text_in_every_command():
    shared = ("seeds", "jobs", "cluster", "json", "turns", "effects")
    found = {name: set() for name in shared}
    for command in commands():
        for option in command.params:
            if option.name in shared:
                found[option.name].add((tuple(option.opts), str(option.default), option.help))
    assert {name: len(each) for name, each in found.items()} == dict.fromkeys(shared, 1)


@pytest.mark.parametrize(
    ("arguments", "jobs", "warns"),
    [
        (["--workers", "3"], 3, True),
        (["--jobs", "2"], 2, False),
        (["--workers=3", "--jobs=2"], 2, True),
    ],
)
def test_an_options_old_name_is_accepted_with_a_warning(arguments, jobs, warns, capsys):
    @click.command()
    @executor_options
    @deprecated_option("--workers", "--jobs")
    def command(jobs, cluster):
        print(jobs, cluster)

    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert done.stdout == f"{jobs} None\n"
    assert ("--workers is now --jobs" in done.stderr) == warns
