# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Experiments on QUARD's tasks: cells, what they sum up to, figures, and where a policy looks."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.actions import RANGES
from neuro_control.quart.control.instructions import WORDINGS
from neuro_control.quart.control.networks.build import build
from neuro_control.quart.control.policy import Policy
from neuro_control.quart.control.state import IDLE, Memory, RobotState
from neuro_control.quart.control.tasks import MANNERS, PAIRS
from neuro_control.quart.evaluation import experiments, refusals
from neuro_control.quart.evaluation.benchmark import decisions, pictures
from neuro_control.quart.evaluation.episodes import SPLITS
from neuro_control.quart.evaluation.experiments import (
    EXPERIMENTS,
    Setting,
    summarise,
    with_average,
)
from neuro_control.quart.evaluation.rendering import figures
from neuro_control.quart.evaluation.rendering.figures import spread
from neuro_control.quart.evaluation.rendering.replays import chosen, replay, saliency
from neuro_control.quart.training.data.phrases import NO_TASKS
from tests.quart.policies import TINY, random_policy


def setting(folder, **changes):
    values = {
        "policies": ("script",), "tasks": "go_to,stop", "splits": ("seen",), "draws": ("hard",),
        "robot": "go2", "episodes": 3, "seed": 7, **changes,
    }  # fmt: skip
    return Setting(folder, ThreadPoolExecutor(1), **values)


def outcome(**values):
    return {
        "policy": "a", "split": "seen", "draw": "hard", "task": "go_to", "manner": "slowly",
        "seed": 0, "strict": True, "published": True, "touched": False, "terminated": True,
        "speed": 0.5, "step_ms": 2.0, "failed": "", "instruction": "go to the red cube", **values,
    }  # fmt: skip


@pytest.fixture
def cells(tmp_path, monkeypatch):
    """Gives what an experiment would do, without doing it."""

    def found(name, **changes):
        kept = []
        monkeypatch.setattr(
            experiments, "run_episodes", lambda _, __, labelled: kept.extend(labelled) or []
        )
        EXPERIMENTS[name].measure(setting(tmp_path, **changes))
        return kept

    return found


def test_the_table_of_tasks_has_a_row_for_whoever_lacks_something(cells, tmp_path):
    file = tmp_path / "policy.safetensors"
    file.write_bytes(b"weights")
    found = cells("tasks", policies=(str(file),))
    assert {label["draw"] for label, _ in found} == set(PAIRS)
    assert {label["policy"] for label, _ in found} == {
        str(file), f"blind:{file}", f"deaf:{file}", "expert", "script", "random",
    }  # fmt: skip
    by_policy = {episodes.guide: episodes.weights for _, episodes in found}
    assert by_policy[str(file)] == by_policy[f"deaf:{file}"] != by_policy["expert"] == 0


def test_splits_and_manners_take_all_there_are_and_the_same_seeds(cells):
    assert {label["split"] for label, _ in cells("splits")} == set(SPLITS)
    found = cells("manners")
    assert {label["manner"] for label, _ in found} == set(MANNERS)
    assert {label["policy"] for label, _ in found} == {"script", "expert"}
    assert {episodes.seeds for _, episodes in found} == {(7, 8, 9)}


def test_the_expert_crawls_under_each_bar_on_both_robots(cells):
    found = cells("expert", tasks="crawl")
    assert {(label["robot"], label["bar"]) for label, _ in found} == {
        (robot, bar) for robot in ("go2", "go1") for bar in (0.2, 0.25, 0.3)
    }


def test_a_chunk_is_followed_as_far_as_it_goes(cells, tmp_path):
    policy = Policy(build(replace(TINY, chunk=5)))
    policy.save(tmp_path / "chunk.safetensors")
    found = cells("chunks", policies=(str(tmp_path / "chunk.safetensors"), "script"), tasks="stop")
    assert [episodes.follow for _, episodes in found] == [1, 2, 5, 1]


def test_the_benchmark_measures_decisions_and_pictures():
    found = decisions(random_policy(), 10)
    assert 0.0 < found["p50_ms"] <= found["p99_ms"]
    assert found["hz"] == pytest.approx(1e3 / found["p50_ms"])
    assert found["cpu_ms"] > 0.0
    assert pictures(32, 2) > 0.0


def test_ablations_of_one_policy_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="give several, each with --policy"):
        EXPERIMENTS["ablations"].measure(setting(tmp_path))


@pytest.mark.parametrize("accepts", [True, False])
def test_words_are_judged_by_whether_the_policy_acts_on_them(tmp_path, accepts):
    policy = random_policy()
    with torch.no_grad():
        policy.network.grasp.bias.fill_(50.0 if accepts else -50.0)
    policy.save(tmp_path / "policy.safetensors")
    rows = refusals.measure((str(tmp_path / "policy.safetensors"), "script"), 2, seed=0)
    assert {row["accepted"] for row in rows} == {accepts}
    found = refusals.summarise(rows)
    assert {row["words"] for row in found} >= {*WORDINGS, *NO_TASKS, "typing error", "upper case"}
    assert all(row["n"] == 2 and row["accepted"] == accepts for row in found)
    # Instructions are those of QUARD's tasks, what is none has both its kinds of words.
    assert {row["instruction"] for row in found if row["words"] in WORDINGS} == {True}
    assert [row["shown"] for row in found if row["words"] == "foreign"] == [True, False]
    refusals.draw(rows, tmp_path / "refusals.png")
    assert (tmp_path / "refusals.png").stat().st_size > 5000


def test_rates_have_wilsons_interval_and_the_average_is_over_all_tasks():
    rows = [outcome(strict=n < 9, task="go_to") for n in range(10)]
    rows += [outcome(strict=False, published=n < 5, task="stop") for n in range(10)]
    go_to, stop, average = with_average(("policy", "task"), rows)
    assert (go_to["strict"], stop["strict"], average["strict"]) == (0.9, 0.0, 0.45)
    assert (go_to["low"], go_to["high"]) == pytest.approx((0.5958, 0.9821), abs=1e-4)
    assert stop["published"] == 0.5
    assert average["task"] == "average"
    assert average["n"] == 20


def test_speeds_are_those_of_each_manner():
    rows = [outcome(manner=manner, speed=v + d) for manner, v in (("slowly", 0.3), ("quickly", 0.9))
            for d in (-0.1, 0.1)]  # fmt: skip
    slow, quick = summarise(("manner",), rows, speed=True)
    assert (slow["speed_mps"], quick["speed_mps"]) == pytest.approx((0.3, 0.9))
    assert slow["speed_sd_mps"] == pytest.approx(0.1)


def test_pages_show_episodes_of_as_many_tasks_as_there_are():
    rows = [outcome(task=task, seed=seed) for task in ("go_to", "stop") for seed in range(5)]
    assert [(r["task"], r["seed"]) for r in spread(rows, 3)] == [
        ("go_to", 0), ("stop", 0), ("go_to", 1),
    ]  # fmt: skip
    assert chosen(list(range(11)), 3) == [0, 5, 10]
    assert chosen([4], 3) == [4]


@pytest.mark.parametrize(
    ("draw", "changes"),
    [
        (figures.success, ({}, {"policy": "b", "strict": False}, {"task": "stop", "draw": "easy"})),
        (figures.speeds, tuple({"manner": manner} for manner in MANNERS)),
        (figures.failures, ({},)),
    ],
)
def test_figures_are_written(draw, changes, tmp_path):
    draw([outcome(**each) for each in changes], tmp_path / "x.png")
    assert np.asarray(Image.open(tmp_path / "x.png").convert("L")).std() > 1.0


def test_an_episode_is_shown_from_beginning_to_end():
    row = outcome(policy="script", task="go_to", robot="go2", seed=3)
    frames = replay(row, frames=3)
    assert len(frames) == 3
    assert frames[0].time == 0.0 < frames[1].time < frames[2].time
    assert frames[0].behind.std() > 5.0  # it is no empty picture
    assert (frames[0].behind != frames[2].behind).any()


def test_saliency_is_where_covering_the_picture_changes_the_action():
    # A policy that turns by what is bright in one corner of the picture, and by nothing else.
    def act(image, state):
        action = IDLE.copy()
        action[3] = RANGES[3, 0] + image[:8, 36:, 0].mean() / 255
        return SimpleNamespace(action=action)

    image = np.zeros((48, 48, 3), np.uint8)
    image[:8, 36:] = 255
    state = RobotState(np.zeros(2), 0.0, 0.0, 0.0, 0.0, np.zeros(2), 0.0)
    found = saliency(SimpleNamespace(act=act), Memory(), image, state)
    assert found.shape == (12, 12)
    assert found.max() == found[0, 10] == 1.0
    assert (found[4:] == 0.0).all()
    assert (found[:, :7] == 0.0).all()
