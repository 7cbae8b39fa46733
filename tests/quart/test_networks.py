# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Networks: every architecture, decoding and tokenizer behind one interface."""

import dataclasses

import numpy as np
import pytest
import torch

from neuro_control.errors import ConfigurationError
from neuro_control.quart.control.actions import NUMBERS, RANGES, TERMINATE
from neuro_control.quart.control.language import Instruction, encode
from neuro_control.quart.control.networks.bins import BinTokenizer
from neuro_control.quart.control.networks.build import build
from neuro_control.quart.control.networks.codebook import CodebookTokenizer
from neuro_control.quart.control.networks.settings import NetworkSize
from neuro_control.quart.control.policy import Policy
from neuro_control.quart.control.state import IDLE, SIZE, RobotState
from neuro_control.quart.training.chunks import CHUNK, expert_chunk
from neuro_control.quart.training.codebook import fit_codebook
from neuro_control.quart.training.data.moments import Draws, draw_moment
from neuro_control.quart.training.expert import Pose, Progress, expert_action
from neuro_control.quart.training.losses import loss

TINY = NetworkSize(image=32, channels=(8, 8, 16), words=16, hidden=32, depth=2, heads=2)
TRANSFORMER = dataclasses.replace(TINY, architecture="transformer")
SIZES = {
    "small": TINY,
    "small, chunk": dataclasses.replace(TINY, chunk=5),
    "small, codebook": dataclasses.replace(TINY, chunk=10, tokenizer="codebook"),
    "transformer": TRANSFORMER,
    "transformer, chunk": dataclasses.replace(TRANSFORMER, chunk=5),
    "transformer, one by one": dataclasses.replace(TRANSFORMER, decoding="autoregressive"),
    "transformer, codebook, one by one": dataclasses.replace(
        TRANSFORMER, chunk=10, tokenizer="codebook", decoding="autoregressive"
    ),
}
HERE = RobotState(np.zeros(2), 0.0, 0.0, 0.0, 0.0, np.zeros(2), 0.0)


def network(size, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        found = build(size)
        if size.tokenizer == "codebook":
            found.tokenizer.codes.normal_()
    return found.eval()


def picture(seed=0, pixels=32):
    return np.random.default_rng(seed).integers(0, 255, (pixels, pixels, 3), dtype=np.uint8)


def batch(count, size, seed=0):
    rng = np.random.default_rng(seed)
    moments = [draw_moment(Draws(), rng) for _ in range(count)]
    chunks = np.stack([each.chunk for each in moments]).astype(np.float32)
    found = {
        "images": rng.integers(0, 255, (count, 3, size.image, size.image), dtype=np.uint8),
        "words": np.stack([encode(each.text) for each in moments]),
        "states": np.stack([each.state for each in moments]).astype(np.float32),
        "actions": chunks[:, 0],
        "chunks": chunks,
        "places": np.stack([each.place for each in moments]).astype(np.float32),
        **{name: np.ones(count, bool) for name in ("visible", "understood", "acts")},
    }
    return {name: torch.from_numpy(array) for name, array in found.items()}


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_policy_that_is_saved_and_loaded_decides_the_same(size, tmp_path):
    policy = Policy(network(size))
    policy.save(tmp_path / "policy.safetensors")
    loaded = Policy.load(tmp_path / "policy.safetensors")
    again = Policy(loaded.network)
    for each in (policy, loaded, again):
        each.reset("go to the red cube")
    decisions = [each.act(picture(), HERE) for each in (policy, loaded, again)]
    assert decisions[0].actions.shape == (size.chunk, len(NUMBERS))
    assert (decisions[0].actions >= RANGES[:, 0]).all()
    assert (decisions[0].actions <= RANGES[:, 1]).all()
    np.testing.assert_array_equal(decisions[0].action, decisions[0].actions[0])
    assert loaded.network.size == size
    # 16 bits are kept: what is loaded is near, and what is saved again is the same.
    assert decisions[1].confidence == pytest.approx(decisions[0].confidence, abs=0.01)
    np.testing.assert_array_equal(decisions[1].actions, decisions[2].actions)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_every_network_learns_a_batch_by_heart(size):
    learner = network(size).train()
    data = batch(8, size)
    if size.tokenizer == "codebook":
        fit_codebook(learner.tokenizer, data["chunks"].numpy(), seed=0, updates=10)
    optimiser = torch.optim.Adam(learner.parameters(), lr=3e-3)
    first = float(loss(learner, data).detach())
    for _ in range(25):
        found = loss(learner, data)
        optimiser.zero_grad()
        found.backward()
        optimiser.step()
    assert float(found.detach()) < 0.8 * first


@pytest.mark.parametrize(
    "size", [each for each in SIZES.values() if each.decoding == "autoregressive"]
)
def test_one_token_after_the_other_from_the_cache_is_what_the_whole_sequence_says(size):
    data, said = batch(3, size), network(size)
    arguments = data["images"], data["words"], data["states"]
    with torch.inference_mode():
        cached = said(*arguments)
        whole = said(*arguments, taught=cached.tokens.argmax(dim=2))
    torch.testing.assert_close(cached.tokens, whole.tokens, atol=1e-4, rtol=1e-4)


def test_a_token_one_by_one_depends_on_those_before_it_and_on_none_after_it():
    size = SIZES["transformer, one by one"]
    data, said = batch(2, size), network(size)
    arguments = data["images"], data["words"], data["states"]
    with torch.inference_mode():
        taught = torch.full((2, 12), 100)
        before = said(*arguments, taught=taught).tokens
        taught[:, 5] = 200
        after = said(*arguments, taught=taught).tokens
    torch.testing.assert_close(before[:, :6], after[:, :6])
    assert (before[:, 6:] - after[:, 6:]).abs().amax(dim=(1, 2)).min() > 1e-4


@pytest.mark.parametrize("size", [TINY, TRANSFORMER], ids=["small", "transformer"])
def test_an_instruction_means_the_same_alone_and_beside_a_longer_one(size):
    data, said = batch(2, size), network(size)
    short, long = (
        encode("stop"),
        encode("go to the red cube slowly with a trotting gait now please"),
    )
    words = torch.from_numpy(np.stack([short, long]))
    with torch.inference_mode():
        together = said(data["images"], words, data["states"])
        alone = said(data["images"][:1], words[:1], data["states"][:1])
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one[:1], other, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("size", [TINY, TRANSFORMER], ids=["small", "transformer"])
def test_a_sentence_encoders_vector_is_read_and_one_of_zeros_where_none_is_given(size):
    size = dataclasses.replace(size, sentence=8)
    data, said = batch(2, size), network(size)
    arguments = data["images"], data["words"], data["states"]
    with torch.inference_mode():
        one = said(*arguments, sentences=torch.zeros(2, 8))
        other = said(*arguments, sentences=torch.ones(2, 8))
        assert not torch.allclose(one.tokens, other.tokens)
        torch.testing.assert_close(said(*arguments).tokens, one.tokens)


def test_bins_give_back_the_actions_that_they_were_made_of():
    actions = np.random.default_rng(0).uniform(*RANGES.T, (200, 3, len(NUMBERS)))
    actions[..., TERMINATE] = np.round(actions[..., TERMINATE])
    tokenizer = BinTokenizer(chunk=3)
    targets = tokenizer.targets(torch.from_numpy(actions).float())
    assert targets.shape == (200, 36, 256)
    bins = (RANGES[:, 1] - RANGES[:, 0]) / 256
    wrong = np.abs(tokenizer.decode(targets).numpy() - actions) / bins
    # At the ends of a range its neighbours are missing on one side.
    assert np.quantile(wrong, 0.9) < 0.5
    assert wrong.max() < 3.0


def test_a_codebook_gives_back_chunks_that_it_has_not_seen():
    rng = np.random.default_rng(0)
    chunks = np.stack([draw_moment(Draws(), rng).chunk for _ in range(700)])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tokenizer = CodebookTokenizer(CHUNK)
    fit_codebook(tokenizer, chunks[:600], seed=0, updates=150)
    kept = torch.from_numpy(chunks[600:]).float()
    targets = tokenizer.targets(kept)
    assert targets.shape == (100, 4, 512)
    restored = tokenizer.decode(targets).detach().numpy()
    span = RANGES[:, 1] - RANGES[:, 0]
    wrong = np.sqrt(np.mean(((restored - chunks[600:]) / span) ** 2))
    spread = np.sqrt(np.mean(((chunks[:600].mean(axis=0) - chunks[600:]) / span) ** 2))
    assert wrong < 0.75 * spread
    assert len(np.unique(targets.argmax(dim=2)[:, 0].numpy())) > 10


def test_a_chunk_is_what_the_expert_does_along_its_way():
    rng = np.random.default_rng(3)
    moment = draw_moment(Draws(skills=("go_to",)), rng)
    pose = Pose(np.array([0.0, 0.0]), 0.0)
    progress = Progress()
    chunk = expert_chunk(moment.task, pose, progress)
    assert chunk.shape == (CHUNK, len(NUMBERS))
    np.testing.assert_array_equal(chunk[0], expert_action(moment.task, pose, Progress()))
    assert not progress.ended
    distance, bearing = pose.to(moment.task.target.position)
    near = Pose(np.array(moment.task.target.position) - [0.9, 0.0], 0.0)
    close = expert_chunk(moment.task, near, Progress())
    # It turns towards its target, walks, and ends where the expert ends.
    assert abs(chunk[-1][3]) < abs(chunk[0][3]) or abs(bearing) < 0.06
    assert close[0][TERMINATE] == 0.0
    assert close[-1][TERMINATE] == 1.0
    assert distance > 1.0


def test_a_policy_follows_a_part_of_its_chunk_before_it_looks_again():
    class Counted:
        def __init__(self, inner):
            self.inner, self.size, self.ranges, self.calls = inner, inner.size, inner.ranges, 0

        def predict(self, *arguments):
            self.calls += 1
            return self.inner.predict(*arguments)

    source = network(SIZES["small, chunk"])
    with torch.no_grad():
        source.grasp.bias.fill_(20.0)
    counted = Counted(source)
    policy = Policy(counted, follow=3)
    policy.reset("go to the red cube")
    decisions = [policy.act(picture(seed), HERE) for seed in range(7)]
    assert counted.calls == 3
    np.testing.assert_array_equal(decisions[1].action, decisions[0].actions[1])
    np.testing.assert_array_equal(decisions[2].action, decisions[0].actions[2])
    assert policy.memory.bows[0] == decisions[-1].action[10]
    with pytest.raises(ConfigurationError, match="it can follow 1 to 5 of them, not 6"):
        Policy(counted, follow=6)


def test_nonsense_stands_still_for_the_whole_chunk():
    source = network(SIZES["small, chunk"])
    with torch.no_grad():
        source.grasp.bias.fill_(-20.0)
    policy = Policy(source)
    policy.reset("sing a song")
    decision = policy.act(picture(), HERE)
    assert not decision.understood
    np.testing.assert_array_equal(decision.actions, np.tile(IDLE, (5, 1)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architecture": "huge"}, "architecture is small or transformer or large, not 'huge'"),
        ({"tokenizer": "words"}, "tokenizer is bins or codebook, not 'words'"),
        ({"decoding": "autoregressive"}, "only a transformer decodes autoregressively"),
        ({"hidden": 30, "heads": 4}, "heads divide hidden"),
        ({"chunk": 0}, "positive whole numbers"),
        ({"depths": 3}, "settings of a network are"),
        ({"channels": 3}, "wrong type"),
    ],
)
def test_settings_that_can_not_be_are_refused(changes, words):
    with pytest.raises(ConfigurationError, match=words):
        NetworkSize.of({**dataclasses.asdict(TINY), **changes})


def test_data_without_chunks_are_refused_by_who_says_chunks():
    data = batch(4, SIZES["small, chunk"])
    del data["chunks"]
    with pytest.raises(ConfigurationError, match="chunks of 1 actions, and the network says 5"):
        loss(network(SIZES["small, chunk"]), data)


def test_states_and_pictures_of_another_size_are_read_as_those_of_its_own():
    policy = Policy(network(TINY))
    policy.reset("go to the red cube")
    flat = np.zeros((32, 32, 3), np.uint8)
    flat[:16] = 200
    large = flat.repeat(4, axis=0).repeat(4, axis=1)
    small = Policy(policy.network)
    small.reset("go to the red cube")
    np.testing.assert_allclose(
        policy.act(large, HERE).actions, small.act(flat, HERE).actions, atol=0.05
    )
    said = Instruction("go", encode("go"))
    assert len(policy.network.predict(flat.transpose(2, 0, 1), said, np.zeros(SIZE)).actions) == 1


def test_an_instruction_of_which_a_word_is_left_out_has_one_vector_alone_and_among_longer_ones():
    network = build(TINY)
    short, long = (
        torch.from_numpy(encode(text))[None]
        for text in ("go to the red cube", "please go to the red cube slowly with a trotting gait")
    )
    short[0, 2] = -1
    with torch.inference_mode():
        alone, among = network.read(short), network.read(torch.cat([short, long]))[:1]
    assert torch.allclose(alone, among, atol=1e-6)
