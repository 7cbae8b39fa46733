# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The statements R of docs/safety.md: the place recogniser over random sequences."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from neuro_control.places.nodes.image_messages import raw_message
from tests.places.models import PLACES
from tests.places.test_node import Robot
from tests.policies import holds, sequences, told


class RecogniserMachine(RuleBasedStateMachine):
    """A camera that shows places, and what is none."""

    def __init__(self):
        super().__init__()
        self.trail = []
        self.last = None

    def nothing_is_answered(self, message, age=0.0):
        robot, count = self.robot, len(self.robot.places)
        received = int(robot.node.diagnostic_values()["received"])
        robot.send(message, age)
        robot.bench.spin_until(
            lambda: int(robot.node.diagnostic_values()["received"]) > received, what="an image"
        )
        robot.bench.spin_for(0.1)
        holds("R2", len(robot.places) == count, robot.places[count:])

    @rule(index=st.integers(0, PLACES - 1))
    @told
    def show(self, index):
        place = self.robot.show(self.images[index])  # waits for the answer, and checks its stamp
        scores = np.array(place.position)
        holds("R1", len(scores) == len(place.name) > 0, place)
        holds("R1", np.isfinite(scores).all(), scores)
        holds("R1", set(place.name) <= set(self.robot.node.recogniser.names), place.name)
        self.last = raw_message(self.images[index]), place

    @rule()
    @told
    def again(self):
        if self.last is None:
            return
        message, answer = self.last
        message.header.stamp = answer.header.stamp
        robot, count = self.robot, len(self.robot.places)
        robot.images.publish(message)
        robot.bench.spin_until(lambda: len(robot.places) > count, what="the answer again")
        holds("R3", robot.places[-1] == answer, robot.places[-1])

    @rule(kind=st.sampled_from(("one colour", "old", "size", "encoding", "empty")))
    @told
    def no_place(self, kind):
        message = raw_message(self.images[0])
        if kind == "one colour":
            message = raw_message(np.full_like(self.images[0], 77))
        elif kind == "size":
            message.height += 1
        elif kind == "encoding":
            message.encoding = "no such"
        elif kind == "empty":
            message.data = b""
        self.nothing_is_answered(message, age=100.0 if kind == "old" else 0.0)

    @rule()
    @told
    def load_what_is_no_model(self):
        was = self.robot.node.recogniser
        answer = self.robot.load(model=str(self.foreign))
        holds("R4", not answer.success, answer)
        holds("R4", self.robot.node.recogniser is was, answer.message)


def test_whatever_is_shown_the_recogniser_answers_what_is_stated(bench, route, model, tmp_path):
    images, _ = route
    foreign = tmp_path / "foreign.safetensors"
    foreign.write_bytes(model.read_bytes()[:-100])
    robot = Robot(bench, model)

    class Own(RecogniserMachine):
        pass

    Own.robot, Own.images, Own.foreign = robot, images, foreign
    run_state_machine_as_test(Own, settings=sequences(examples=3, steps=8))
