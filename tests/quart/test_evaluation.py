# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Evaluation: which task is meant, what episodes draw, intervals, and the command."""

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from click.testing import CliRunner

from neuro_control.cli.evaluation import wilson
from neuro_control.cli.experiments import Setting
from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import gait
from neuro_control.quadruped.control.command_mux import CommandSources
from neuro_control.quadruped.control.controller import QuadrupedController
from neuro_control.quadruped.control.robots import find_robot
from neuro_control.quadruped.simulation.body import Body
from neuro_control.quart.control.actions import TERMINATE
from neuro_control.quart.control.instructions import Understood, understand
from neuro_control.quart.control.tasks import LETTERS, SEEN, SKILLS, UNSEEN, UNSEEN_LETTERS
from neuro_control.quart.evaluation.episodes import SPLITS, Episodes, draw_episode, measure
from neuro_control.quart.evaluation.evaluate import evaluate, run_episodes, score, summary
from neuro_control.quart.evaluation.guides import Seer, weights_of, without_target
from neuro_control.quart.evaluation.options import meanings
from neuro_control.quart.simulation.course import Course, Witness
from tests.quart.policies import steady_policy


@pytest.mark.parametrize(
    ("tasks", "instruction", "target", "found"),
    [
        ("", "go to the red cube", "", {"go_to": Understood("go_to", "cube", "red")}),
        ("go_to", "stroll over to Red Block", "red cube",
         {"go_to": Understood("go_to", "cube", "red")}),
        ("stop", "", "blue ball", {"stop": Understood("stop", "rolling ball", "blue")}),
        ("", "", "letter b", {"distinguish": Understood("distinguish", "letter", "b")}),
        ("", "", "a letter", {"distinguish": Understood("distinguish", "letter", "a")}),
        ("", "", "bar", {"crawl": Understood("crawl", "bar", "")}),
        ("", "stop the red ball quickly with a trotting gait", "pink rolling ball",
         {"stop": Understood("stop", "rolling ball", "pink", "quickly")}),
    ],
)  # fmt: skip
def test_what_is_meant_follows_from_words_target_and_tasks(tasks, instruction, target, found):
    assert meanings(tasks, instruction, target) == found


def test_without_words_and_target_each_episode_draws_its_own():
    assert meanings("crawl, go_to") == {"crawl": None, "go_to": None}
    assert meanings("") == dict.fromkeys(SKILLS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fly", "", ""), "no task 'fly': there are go_to, "),
        (("", "what a nice day", ""), "none of QUARD's forms, so that --tasks and --target"),
        (("stop", "go to the red cube", ""), "about the task go_to, which --tasks leaves out"),
        (("", "there!", "red cube"), "may be the target of go_to, avoid: --tasks says which"),
        (("", "", "mauve cube"), "no target 'mauve cube' of go_to, .*such as 'red cube'"),
        (("", "", "cube"), "no target 'cube'"),
        (("tunnel", "", "red cube"), "no target 'red cube' of tunnel: .*rectangle tunnel"),
    ],
)
def test_what_contradicts_itself_or_leaves_the_task_open_is_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        meanings(*arguments)


@pytest.mark.parametrize("skill", SKILLS)
@pytest.mark.parametrize("split", SPLITS)
def test_a_split_holds_back_what_it_says_and_nothing_else(split, skill):
    episodes = Episodes("expert", skill, (0,), split)
    for seed in range(20):
        task, scenery = draw_episode(episodes, seed)
        unseen = split == "unseen_object"
        colour = task.target.colour
        if skill == "distinguish":
            assert colour in (UNSEEN_LETTERS if unseen else LETTERS)
        else:
            assert colour in (UNSEEN if unseen else SEEN)
            assert all(each.colour in SEEN for each in task.objects[1:])
        seen_world = draw_episode(dataclasses.replace(episodes, split="seen"), seed)[1]
        assert (scenery == seen_world) == (split != "unseen_world")
        if split in ("unseen_wording", "unseen_noun"):
            with pytest.raises(ConfigurationError):
                understand(task.instruction)


def test_easy_and_hard_draws_of_a_seed_differ_in_the_other_object_alone():
    episodes = Episodes("expert", "go_to", tuple(range(20)))
    for seed in episodes.seeds:
        hard, world = draw_episode(episodes, seed)
        easy, same = draw_episode(dataclasses.replace(episodes, draw="easy"), seed)
        assert (hard.instruction, hard.target.kind, hard.target.colour, world) == (
            easy.instruction, easy.target.kind, easy.target.colour, same,
        )  # fmt: skip
        assert hard.objects[1].kind == hard.target.kind != easy.objects[1].kind


@pytest.mark.parametrize(
    ("instruction", "left"),
    [
        ("go to the red cube", "go to the cube"),
        ("distinguish letter a", "distinguish letter"),
        ("crawl under the bar", "crawl under the bar"),
        ("stop the blue ball slowly with a trotting gait",
         "stop the ball slowly with a trotting gait"),
    ],
)  # fmt: skip
def test_who_is_deaf_is_told_the_skill_and_no_target(instruction, left):
    meant = understand(instruction)
    task, _ = draw_episode(
        Episodes("deaf", meant.skill, (0,), meant=meant, instruction=instruction), 0
    )
    assert without_target(task) == left


def test_a_colour_in_a_word_of_its_own_is_not_told_to_the_deaf():
    meant = Understood("go_to", "cube", "red")
    episodes = Episodes("deaf", "go_to", (0,), meant=meant, instruction="to the crimson block")
    assert without_target(draw_episode(episodes, 0)[0]) == (
        "go to the cube normally with a trotting gait"
    )


def test_a_policy_that_is_not_there_is_told_with_what_there_is():
    assert weights_of("expert") is None
    for name in ("nobody", "blind:nobody", "dumb:quart"):
        with pytest.raises(ConfigurationError, match=r"no policy .*: there are .*blind, deaf"):
            weights_of(name)
    with pytest.raises(ConfigurationError, match=r"no file /nowhere/policy\.safetensors"):
        weights_of("deaf:/nowhere/policy.safetensors")


def test_an_episode_is_the_same_whatever_was_done_before_it():
    together = measure(Episodes("random", "stop", (3, 4)))["episodes"][1]
    alone = measure(Episodes("random", "stop", (4,)))["episodes"][0]
    assert together | {"step_ms": 0.0} == alone | {"step_ms": 0.0}


@pytest.fixture(scope="module")
def course():
    return Course()


def first_actions(course, policy, count=3):
    """Actions of a policy at the start of an episode, and what it decided."""
    task, scenery = draw_episode(Episodes("policy", "go_to", (0,)), 0)
    course.arrange(task, scenery)
    body = Body(course.world())
    body.reset(np.random.default_rng(0))
    controller = QuadrupedController(find_robot("go2"))
    controller.step(body.observation, 0.0, CommandSources.constant(gait("trot")))
    witness, guide = Witness(course, body), Seer(policy, course)
    guide.reset(task)
    try:
        times = [0.1 * n for n in range(count)]
        return [guide.act(body, witness.moment(time), controller) for time in times], guide.decision
    finally:
        guide.close()


def test_a_policy_is_evaluated_as_the_node_drives_it(course):
    sure, decision = first_actions(course, steady_policy(forward=0.6))
    assert decision.confidence > 0.9
    assert sure[0][1] == pytest.approx(0.6, abs=0.02)
    unsure, decision = first_actions(course, steady_policy(forward=0.6, sure=2.0))
    assert decision.confidence < 0.35
    assert unsure[0][1] == pytest.approx(0.5 * decision.action[1])
    lost, _ = first_actions(course, steady_policy(forward=0.6, understands=False))
    assert [action[1] for action in lost] == [0.0] * 3
    ended, _ = first_actions(course, steady_policy(forward=0.6, ends=True))
    assert [action[TERMINATE] for action in ended] == [1.0] * 3
    assert [action[1] for action in ended] == [0.0] * 3


def test_episodes_are_resumed_but_not_with_other_weights(tmp_path, monkeypatch):
    done = []

    def fake(episodes):
        done.append(episodes.seeds)
        if len(done) == 2:
            raise KeyboardInterrupt
        return {"episodes": [{"seed": seed} for seed in episodes.seeds]}

    monkeypatch.setattr("neuro_control.quart.evaluation.evaluate.measure", fake)

    def run(weights):
        episodes = Episodes("expert", "go_to", tuple(range(12)), weights=weights)
        with ThreadPoolExecutor(1) as executor:
            return run_episodes(Setting(tmp_path, executor), "x", [({"skill": "go_to"}, episodes)])

    with pytest.raises(KeyboardInterrupt):
        run(1)
    assert [row["seed"] for row in run(1)] == list(range(12))
    # Five at a time; the first five were done before the interruption.
    assert done.count((0, 1, 2, 3, 4)) == 1
    run(2)
    assert done.count((0, 1, 2, 3, 4)) == 2


def test_the_command_gives_success_interval_rate_and_touching_by_task(tmp_path):
    arguments = (
        f"--policy expert --tasks go_to --target 'red ball' --episodes 2 --jobs 1 --seed 5 "
        f"--out {tmp_path} --json -"
    )
    done = CliRunner().invoke(evaluate, arguments, catch_exceptions=False)
    result = json.loads(done.stdout)
    assert set(result["tasks"]) == {"go_to"}
    found = result["tasks"]["go_to"]
    assert found["success"] == 1.0
    assert found["touched"] == 0.0
    assert found["ci95"] == pytest.approx(wilson(2, 2))
    assert found["hz"] > 0.0
    assert all("red ball" in run["instruction"] for run in found["runs"])
    assert [run["seed"] for run in found["runs"]] == [5, 6]
    assert not list(tmp_path.iterdir())  # nothing is left to be resumed


def test_success_is_that_of_the_test_which_is_named():
    row = {
        "touched": False, "strict": False, "published": True, "done": True, "terminated": False,
        "fell": False, "seconds": 20.0, "speed": 0.4, "step_ms": 2.0, "failed": "it did not end",
        "task": "go_to",
    }  # fmt: skip
    assert summary([row], "strict")["success"] == 0.0
    assert summary([row], "published")["success"] == 1.0
    assert summary([row])["failures"] == {"it did not end": 1}
    assert summary([row])["hz"] == pytest.approx(500.0)
    assert score([row, {**row, "strict": True}], "strict")["tasks"]["go_to"]["success"] == 0.5
