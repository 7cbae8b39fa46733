"""How a launch ends when something fails: by the real launch, where it is installed."""

from pathlib import Path

import pytest

launch = pytest.importorskip("launch")
pytest.importorskip("launch_ros")

from launch.actions import IncludeLaunchDescription  # noqa: E402
from launch_xml.launch_description_sources import XMLLaunchDescriptionSource  # noqa: E402

FOLDER = Path(__file__).resolve().parents[2] / "launch"
FILES = sorted(path.name for path in FOLDER.glob("*.launch.xml"))


def run(file, **arguments):
    service = launch.LaunchService()
    source = XMLLaunchDescriptionSource(str(FOLDER / file))
    service.include_launch_description(
        launch.LaunchDescription(
            [IncludeLaunchDescription(source, launch_arguments=arguments.items())]
        )
    )
    return service.run()


@pytest.mark.parametrize("file", FILES)
def test_a_parameter_file_that_is_missing_ends_a_launch_with_an_error(file, capfd):
    assert run(file, params_file="/no/where.yaml") == 1
    assert "params_file: there is no file /no/where.yaml" in "".join(capfd.readouterr())


def test_a_controller_that_fails_ends_a_launch_with_its_reason(capfd):
    assert run("swimmer.launch.xml", weights="nonsense") == 1
    printed = "".join(capfd.readouterr())
    assert "no policy 'nonsense'" in printed
    assert "swimmer_controller ended early, by exit code 1" in printed


def test_a_simulation_that_is_over_ends_a_launch_well(capfd):
    assert run("swimmer.launch.xml", duration="1.0", lockstep="true", namespace="one") == 0
    assert "one.swimmer_controller" in "".join(capfd.readouterr())
