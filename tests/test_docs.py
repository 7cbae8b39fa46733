# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the documentation tells a user to do, done."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from docs.reference import PAGES

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "your_own_controller.md").read_text()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The page's package, its files taken from the page."""
    folder = tmp_path_factory.mktemp("own")
    files = re.findall(r"^`(travelling_wave/[\w./]+)`.*?\n\n```\w+\n(.*?)^```", PAGE, re.S | re.M)
    assert len(files) == 6
    for path, content in files:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    commands = re.search(r"^touch .*\n.*$", PAGE, re.M).group()
    subprocess.run(["sh", "-c", commands], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def installed(written):
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"),
            *("--target", str(written / "site"), str(written / "travelling_wave")),
        ],
        check=True,
    )
    return written


def run(installed, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "neuro_control.cli", *arguments],
        env={**os.environ, "PYTHONPATH": str(installed / "site")},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_controller_takes_about_sixty_lines():
    code = re.search(r"```python\n(.*?)```", PAGE, re.S).group(1)
    assert len([line for line in code.splitlines() if line.strip()]) <= 62


def test_the_controller_of_the_page_is_found_and_swims(installed):
    assert "a wave of my own swims" in run(installed, "list").stdout
    for mode in ([], ["--processes"]):
        done = run(installed, "run", "travelling_wave", "--json", "-", *mode)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["steps"] == 1000
        assert found["return"] > 300


def test_the_package_of_the_page_is_one_for_ros(installed):
    site = installed / "site"
    assert (site / "share/ament_index/resource_index/packages/travelling_wave").is_file()
    package = ElementTree.parse(site / "share/travelling_wave/package.xml").getroot()
    assert package.findtext("name") == "travelling_wave"
    assert package.findtext("export/build_type") == "ament_python"
    launch = ElementTree.parse(site / "share/travelling_wave/launch/travelling_wave.launch.xml")
    assert {node.get("exec") for node in launch.getroot().iter("node")} == {
        "simulation",
        "wave_controller",
    }
    assert (site / "bin/wave_controller").is_file()


def test_its_parameters_are_checked_as_any_others(installed):
    done = run(installed, "run", "travelling_wave", "--set", "wave_controller.frequency=9")
    assert done.returncode == 2
    assert "frequency lies between 0 and 3, 9 does not" in done.stderr
    faster = run(
        installed, "run", "travelling_wave", "--set", "wave_controller.frequency=0.8", "--json", "-"
    )
    assert json.loads(faster.stdout)["steps"] == 1000


@pytest.mark.parametrize(
    "page", ["README.md", *(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.md"))]
)
def test_links_and_pictures_lead_somewhere(page):
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        path = ((ROOT / page).parent / target).resolve()
        generated = ROOT / "docs" in path.parents and str(path.relative_to(ROOT / "docs")) in PAGES
        assert generated or path.exists(), target


def test_the_architecture_page_names_files_and_functions_that_are_there():
    text = (ROOT / "docs" / "architecture.md").read_text()
    package = ROOT / "neuro_control"
    known = {p.name for p in package.rglob("*.py")} | {"setup.py", "test_house.py"}
    assert set(re.findall(r"\b(\w+\.py)\b", text)) <= known
    for path in re.findall(r"`(neuro_control/[\w/]+\.py)`", text):
        assert (ROOT / path).is_file(), path
    controller = (package / "ros" / "controller.py").read_text()
    for method in set(re.findall(r"Controller\.(_\w+)", text)):
        assert f"def {method}(" in controller, method
    inputs = (package / "ros" / "inputs.py").read_text()
    (quoted,) = re.findall(r"^  ```python\n(.*?)^  ```", text, re.M | re.S)
    assert all(line.strip() in inputs for line in quoted.splitlines())


def test_every_file_of_weights_has_a_model_card():
    cards = (ROOT / "docs" / "model_cards.md").read_text()
    for path in sorted((ROOT / "config").rglob("*.safetensors")):
        assert f"`{path.name}`" in cards, path.name


def test_every_page_is_in_the_sites_navigation():
    listed = (ROOT / "mkdocs.yml").read_text()
    for path in sorted((ROOT / "docs").rglob("*.md")):
        assert f": {path.relative_to(ROOT / 'docs')}" in listed or (
            f"- {path.relative_to(ROOT / 'docs')}" in listed
        ), f"add {path.relative_to(ROOT)} to the nav of mkdocs.yml"
