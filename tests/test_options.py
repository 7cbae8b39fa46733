"""Options that commands share."""

import click
import pytest
from click.testing import CliRunner

from neuro_control.cli.options import deprecated_option, executor_options


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
