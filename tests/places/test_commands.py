# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the commands of places do, started as a user starts them, but in this process."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.images import shrink
from neuro_control.places.control.recogniser import Recogniser
from neuro_control.places.evaluation.benchmark import benchmark, textured
from neuro_control.places.evaluation.evaluate import evaluate
from neuro_control.places.evaluation.experiments import experiment
from neuro_control.places.evaluation.render import render
from neuro_control.places.evaluation.scoring import acceptance, metrics_of
from neuro_control.places.evaluation.vprtempo import originals
from neuro_control.places.training.command import train_command as train
from neuro_control.places.training.dataset import open_traverse

PLACES = 12


def call(command, *arguments):
    """What a command prints on standard output; its errors are raised."""
    done = CliRunner().invoke(command, [*map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def seasons(tmp_path_factory):
    """Folders of a short route in summer and winter, and a small model of the summer's."""
    folder = tmp_path_factory.mktemp("route")
    for season in ("summer", "winter"):
        call(render, "--season", season, "--places", PLACES, "--out", folder / season)
    model = folder / "model.safetensors"
    small = ("--neurons", 60, "--epochs", 5, "--places", 6, "--jobs", 1)
    call(train, "--reference", folder / "summer", "--out", model, *small)
    return folder


def scored(folder, *arguments, query="winter"):
    model = ("--model", folder / "model.safetensors", "--query", folder / query)
    return json.loads(call(evaluate, *model, *arguments, "--json", "-"))


def test_a_rendered_route_is_a_folder_of_images_and_their_poses(seasons):
    assert len(list((seasons / "summer").glob("*.png"))) == PLACES
    assert len((seasons / "summer" / "poses.csv").read_text().splitlines()) == PLACES + 1


def test_a_montage_shows_all_seasons(tmp_path):
    shown = ("--montage", tmp_path / "seasons.png", "--places", 9)
    call(render, *shown, "--out", tmp_path / "summer")
    with Image.open(tmp_path / "seasons.png") as drawn:
        assert np.asarray(drawn.convert("L")).std() > 30


def test_training_leaves_the_model_and_nothing_else(seasons):
    assert sorted(p.name for p in seasons.iterdir()) == ["model.safetensors", "summer", "winter"]


def test_an_evaluation_says_what_the_issue_names(seasons):
    found = scored(seasons, "--reference", seasons / "summer")
    names = ("n", "r1", "r5", "r25", "sad_r1", "queries_per_s", "train_s", "model_mb", "neurons")
    assert set(names) <= set(found)
    assert found["n"] == PLACES
    assert found["neurons"] == 120
    assert found["r25"] == 1.0
    fields = {
        "ours, fast": "r1",
        "SAD": "sad_r1",
        "SAD, adapted": "sad_adapted_r1",
        "SAD of the preprocessing": "sad_retina_r1",
        "template": "template_r1",
        "template, adapted": "template_adapted_r1",
    }
    assert set(found["methods"]) == set(fields)
    for name, field in fields.items():
        method = found["methods"][name]
        assert method["r1"] == found[field]
        low, high = method["r1_interval"]
        assert low <= method["r1"] <= high
    low, high = found["gain_over_template_interval"]
    gain = found["r1"] - found["template_adapted_r1"]
    assert found["gain_over_template"] == pytest.approx(gain)
    assert low <= gain <= high
    assert found["train_wall_s"] > 0
    assert found["spikes_per_query"] == 0


def test_the_season_that_was_learnt_is_recognised_in_both_modes(seasons):
    for mode in ("fast", "spiking"):
        found = scored(seasons, "--mode", mode, query="summer")
        assert found["r1"] >= 0.9, mode
    assert found["spikes_per_query"] > 0
    assert found["synops_per_query"] > found["spikes_per_query"]


@pytest.mark.parametrize("pace", [0.5, 2, -1])
def test_queries_can_be_drawn_at_another_pace_and_in_reverse(seasons, pace):
    found = scored(seasons, "--pace", pace, "--sequence", 3, query="summer")
    assert found["n"] == len(np.arange(0, PLACES, abs(pace)))
    assert found["r1"] >= 0.8
    assert found["direction"] == ("reverse" if pace < 0 else "forward")


def test_adaptation_is_kept_between_runs(seasons, tmp_path):
    kept = ("--adaptation", tmp_path / "kept.safetensors")
    first, second = (scored(seasons, *kept) for _ in range(2))
    assert kept[1].exists()
    assert first["methods"]["template"] == second["methods"]["template"]
    assert first["auc"] != second["auc"]


def test_what_other_programs_wrote_is_scored_beside_ours(seasons, tmp_path):
    rng = np.random.default_rng(0)
    described = rng.normal(size=(PLACES, 8))
    np.save(tmp_path / "reference.npy", described)
    np.save(tmp_path / "query.npy", described + 1e-3)
    np.save(tmp_path / "netvlad.npy", np.eye(PLACES))
    found = scored(
        seasons,
        *("--descriptors", tmp_path / "reference.npy", tmp_path / "query.npy"),
        *("--matrix", tmp_path / "netvlad.npy"),
    )
    assert found["methods"]["descriptors"]["r1"] == 1.0
    assert found["methods"]["netvlad"]["r1"] == 1.0


def test_sequences_are_causal_or_the_papers(seasons, tmp_path):
    # The first query looks more like place 5 than like its own: the queries after it would tell.
    similarity = np.eye(PLACES)
    similarity[0, 5] = 1.5
    np.save(tmp_path / "given.npy", similarity)
    given = ("--matrix", tmp_path / "given.npy", "--sequence", 3)
    causal, ahead = scored(seasons, *given), scored(seasons, *given, "--ahead")
    assert causal["n"] == ahead["n"] == PLACES
    assert causal["methods"]["given"]["r1"] == 1 - 1 / PLACES
    assert ahead["methods"]["given"]["r1"] == 1.0
    with pytest.raises(ConfigurationError, match="1 to 12 queries"):
        scored(seasons, "--sequence", 13, "--ahead")


def test_vprtempo_is_given_the_images_as_they_are_stored(seasons):
    found = originals(open_traverse(seasons / "summer", keep=shrink).beginning(5))
    assert found.shape == (5, 32, 64)
    with pytest.raises(ConfigurationError, match="give --reference"):
        scored(seasons, "--vprtempo")


def test_figures_are_drawn(seasons, tmp_path):
    scored(seasons, "--figures", tmp_path)
    for name in ("similarities", "precision_recall", "recall"):
        with Image.open(tmp_path / f"{name}.png") as drawn:
            assert np.asarray(drawn.convert("L")).std() > 10


def test_queries_of_other_places_or_counts_are_refused_and_say_what_helps(seasons, tmp_path):
    short = tmp_path / "short"
    shutil.copytree(seasons / "winter", short)
    for name in ("04", "11"):
        (short / f"{name}.png").unlink()
    with pytest.raises(ConfigurationError, match=r"10 places are the same.*--unmatched"):
        scored(seasons, query=short)
    assert scored(seasons, "--unmatched", query=short)["n"] == PLACES - 2
    with pytest.raises(ConfigurationError, match="not trained on"):
        scored(seasons, "--reference", short)
    with pytest.raises(ConfigurationError, match="trained on other images"):
        scored(seasons, "--reference", seasons / "winter")


def test_places_are_paired_by_poses_where_names_differ(seasons, tmp_path):
    call(render, "--season", "winter", "--places", PLACES, "--out", tmp_path / "renamed")
    table = (tmp_path / "renamed" / "poses.csv").read_text()
    for path in (tmp_path / "renamed").glob("*.png"):
        path.rename(path.with_name(f"frame{path.name}"))
        table = table.replace(f"\n{path.name},", f"\nframe{path.name},")
    (tmp_path / "renamed" / "poses.csv").write_text(table)
    by_pose = scored(seasons, "--within", 1.0, query=tmp_path / "renamed")
    assert by_pose["r1"] == scored(seasons)["r1"]


def test_an_unreadable_image_costs_that_image_only(seasons, tmp_path):
    call(render, "--season", "winter", "--places", PLACES, "--out", tmp_path / "damaged")
    (tmp_path / "damaged" / "03.png").write_bytes(b"no image")
    assert scored(seasons, query=tmp_path / "damaged")["n"] == PLACES - 1


def test_an_extended_model_knows_both_parts_and_refuses_what_it_knows(seasons, tmp_path):
    first = ("--reference", seasons / "summer", "--first", 6)
    small = ("--neurons", 60, "--epochs", 5, "--places", 6, "--jobs", 1)
    call(train, *first, *small, "--out", tmp_path / "half.safetensors")
    half = ("--extend", tmp_path / "half.safetensors", "--jobs", 1)
    with pytest.raises(ConfigurationError, match=r"knows 00\.png already"):
        call(train, *first, *half, "--out", tmp_path / "whole.safetensors")
    with pytest.raises(ConfigurationError, match="--neurons is that of the model"):
        call(train, *first, *half, "--neurons", 60, "--out", tmp_path / "whole.safetensors")
    call(render, "--season", "summer", "--places", PLACES, "--out", tmp_path / "rest")
    for name in ("00", "01", "02", "03", "04", "05"):
        (tmp_path / "rest" / f"{name}.png").unlink()
    rows = (tmp_path / "rest" / "poses.csv").read_text().splitlines()
    (tmp_path / "rest" / "poses.csv").write_text("\n".join([rows[0], *rows[7:]]) + "\n")
    call(train, "--reference", tmp_path / "rest", *half, "--out", tmp_path / "whole.safetensors")
    assert Recogniser(tmp_path / "whole.safetensors").names == tuple(
        f"{place:02d}.png" for place in range(PLACES)
    )


def test_an_experiment_writes_rows_and_goes_on_with_what_was_trained(seasons, tmp_path):
    both = ("--reference", seasons / "summer", "--query", seasons / "winter")
    arguments = ("growth", *both, "--first", 4, "--jobs", 1, "--out", tmp_path)
    call(experiment, *arguments)
    rows = (tmp_path / "growth.csv").read_text()
    assert len(rows.splitlines()) == 9
    (model,) = (tmp_path / "models").iterdir()
    written = model.stat().st_mtime_ns
    call(experiment, *arguments)
    assert model.stat().st_mtime_ns == written
    assert (tmp_path / "growth.csv").read_text() == rows


def test_metrics_and_acceptance_worked_by_hand():
    similarity = np.eye(20) + 0.1
    truth = np.arange(20)
    truth[19] = -1
    found = metrics_of(similarity, truth)
    assert found.recall[1] == 1.0
    # All score 1.1, the one that has no place as well: nothing can be accepted without it.
    assert found.full_precision == 0.0
    # Left out of the reference, only that one still finds a place that scores high.
    never, visited = acceptance(similarity, truth, np.full(20, 0.5))
    assert (never, visited) == (pytest.approx(1 / 20), 1.0)


def test_a_benchmark_times_both_modes():
    found = json.loads(call(benchmark, "--places", 10, "--turns", 1, "--json", "-"))
    assert found["neurons"] == 50
    for mode in ("fast", "spiking"):
        assert found[f"{mode}_queries_per_s"] > 0
        assert found[f"{mode}_queries_per_cpu_s"] > 0
    assert found["fast_frame_ms"]["p50"] <= found["fast_frame_ms"]["p99"]


def test_the_benchmarks_ensemble_can_be_written_and_read(tmp_path):
    textured(10).write(tmp_path / "a.safetensors")
    assert len(Recogniser(tmp_path / "a.safetensors").names) == 10
