# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The policy as a ROS 2 node: images and an instruction in, gait commands out."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image, JointState
from std_msgs.msg import Float64, Float64MultiArray, String

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import RANGES
from neuro_control.quart.control.actions import NUMBERS, gait_command
from neuro_control.quart.control.follower import InstructionFollower, Progress
from neuro_control.quart.control.policy import Decision, Policy
from neuro_control.quart.control.state import IDLE, RobotState
from neuro_control.quart.nodes.inference import Answer, Inference, InstructionError
from neuro_control.quart.nodes.parameters import QuartParameters
from neuro_control.quart.nodes.pictures import attention_image, read_picture
from neuro_control.quart.nodes.readers import (
    Instruction,
    read_instruction,
    read_odometry,
    robot_state,
)
from neuro_control.resources import find_file
from neuro_control.ros.controller import Controller, Input
from neuro_control.ros.diagnostics.monitoring import Expectation, Timing
from neuro_control.ros.messages import (
    COMMAND_QOS,
    NANOSECONDS,
    RECORD_QOS,
    SENSOR_QOS,
    SET_POINT_QOS,
    Rejected,
    doubles,
    joint_state,
)
from neuro_control.ros.process import run_node

Array = NDArray[np.float64]

# Only the newest image counts, and cameras send as sensors do.
_IMAGE_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
# Quality of service of ~/progress: whoever comes later gets the last word about the instruction.
PROGRESS_QOS = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
# Wall time for which a decision is waited for in lockstep, s.
_PATIENCE = 60.0
_STANDING = gait_command(IDLE).array()
_NUMBERS = list(RANGES)
_ACTIVITY = [*NUMBERS, "confidence", "understood", "visible", "place_ahead", "place_left"]


class QuartPolicy(Controller[QuartParameters]):
    """Does what an instruction says, by what the camera at the robot's head sees.

    Subscribes to ``odom`` (nav_msgs/Odometry, as the gait controller or the robot estimates it),
    ``image`` (sensor_msgs/Image) or ``image/compressed``, and ``instruction`` (std_msgs/String).
    Publishes ``gait_command`` (std_msgs/Float64MultiArray), one for each message of ``odom``;
    ``~/progress`` (std_msgs/String: accepted, running, done or given up, a colon, and the
    instruction or the reason), ``~/confidence`` (std_msgs/Float64) of each decision and, where
    someone listens, ``~/activity``: the decisions themselves, and ``~/attention``
    (sensor_msgs/Image): where in the picture the policy looked.

    The policy decides in a thread of its own; meanwhile the robot is commanded on. It stands
    without an instruction, without an image that is new and shows something, and when the
    instruction is done or given up.

    Args:
        name: Name of the node.
        node_options: Passed on to the rclpy node.
    """

    def __init__(self, name: str = "quart_policy", **node_options: Any) -> None:
        self._from_parameter = ""
        super().__init__(name, QuartParameters, Float64MultiArray, "gait_command", **node_options)
        if self.parameters.stamped_gait_command:
            self._command_type = JointState
        self._progress = self.create_publisher(String, "~/progress", PROGRESS_QOS)
        self._confidence = self.create_publisher(Float64, "~/confidence", COMMAND_QOS)
        self._activity = self.create_publisher(JointState, "~/activity", RECORD_QOS)
        self._attention = self.create_publisher(Image, "~/attention", SENSOR_QOS)

    def configure(self) -> Sequence[Input[Any]]:
        """Load the policy; odometry triggers a step."""
        p = self.parameters
        policy = Policy.load(find_file("config/weights", p.policy))
        if "torch" in sys.modules:  # an exported policy does without
            sys.modules["torch"].set_num_threads(p.threads)
        _warm_up(policy)
        self._close_inference()
        self._inference = Inference(policy)
        self.follower = InstructionFollower(p.follower)
        self._said: tuple[Progress, str] | None = None
        self._deciding = Timing()
        self._odometry = Input("odom", Odometry, read_odometry, p.input_timeout)
        compressed = p.transport == "compressed"
        # It is decoded in the policy's thread: until then it is a message.
        self._image: Input[Any] = Input(
            f"{p.image_topic}/compressed" if compressed else p.image_topic,
            CompressedImage if compressed else Image,
            lambda message: message,
            p.image_timeout,
            _IMAGE_QOS,
            awaited=p.lockstep,
        )
        self._instruction = Input("instruction", String, read_instruction, math.inf, SET_POINT_QOS)
        return self._odometry, self._image, self._instruction

    def apply(self) -> None:
        """Take over numbers and instruction; what is under way goes on with the new numbers."""
        p = self.parameters
        self.follower.settings = p.follower
        self._image.timeout = p.image_timeout
        if p.instruction != self._from_parameter:
            self._from_parameter = p.instruction
            self._instruction.value = read_instruction(String(data=p.instruction))

    def reset(self) -> None:
        """Begin with the instruction of the parameter, or wait for one."""
        text = self.parameters.instruction
        self._from_parameter = text
        self._instruction.value = read_instruction(String(data=text)) if text else None
        self._followed: Instruction | None = None
        self._image.value, self._looked_at = None, 0
        self._trouble = ""
        self.follower.reset()
        self._inference.forget()

    # From odometry to a command.

    def step(self, observation: Array) -> Array:
        """Gait command, (15,), that answers the odometry, (13,)."""
        stamp = self._odometry.time
        self._follow(self._instruction.value)
        if self.follower.following:
            self._look(robot_state(observation))
        action = self.follower.action(stamp / NANOSECONDS)
        self._say()
        return gait_command(action).array()

    def awaits(self, source: Input[Any], stamp: int) -> bool:
        """Whether the image of this odometry's time is missing."""
        period = round(self.parameters.image_period * NANOSECONDS)
        return source.value is None or source.time <= stamp - period

    def _follow(self, instruction: Instruction | None) -> None:
        """Begin with an instruction if it is a new one."""
        if instruction is None or instruction is self._followed:
            return
        # On its way the robot may have its new target out of sight.
        search, self._followed = self._followed is not None, instruction
        self.follower.accept(instruction.text)
        self._inference.begin(instruction.text, search=search)
        self._looked_at, self._trouble = 0, ""
        if instruction.problem:
            self.follower.give_up(instruction.problem)
        else:
            self._say()

    def _look(self, state: RobotState) -> None:
        """Take what the policy has decided, and ask it about the latest image."""
        inference = self._inference
        self._take(inference.answer())
        message = self._image.fresh(self.now())
        if message is None:
            self._trouble = self._without_image()
            self.follower.stop()
            inference.forget()
        elif self._image.time != self._looked_at and not inference.busy:
            self._looked_at = self._image.time
            look, attend = partial(read_picture, message), self._attention.get_subscription_count()
            inference.ask(look, self._image.time, state, attend=attend > 0)
            if self.parameters.lockstep:
                self._take(inference.answer(_PATIENCE))

    def _without_image(self) -> str:
        topic, silence = self._image.topic, self._image.silence(self.now())
        if math.isinf(silence):
            return f"stands: waiting for {topic}"
        return f"stands: no {topic} for {silence:.1f} s"

    def _take(self, answer: Answer | None) -> None:
        """Follow a decision, or stand where there is none."""
        if answer is None:
            return
        self._deciding.add(answer.seconds)
        if answer.decision is None:
            self.follower.stop()
            if isinstance(answer.error, InstructionError):
                self.follower.give_up(str(answer.error))
            else:
                self._refuse_image(answer.error)
            return
        self._trouble = ""
        self.follower.take(answer.decision, answer.stamp / NANOSECONDS)
        self._confidence.publish(Float64(data=answer.decision.confidence))
        if self._activity.get_subscription_count():
            self._publish_activity(answer.stamp, answer.decision)
        if answer.attention is not None:
            self._attention.publish(attention_image(answer.stamp, answer.attention))

    def _refuse_image(self, error: Exception | None) -> None:
        """Stand until the next image; what is no fault of the image is the control law's own."""
        if error is not None and not isinstance(error, Rejected | ConfigurationError):
            raise error
        topic = self._image.topic
        reason = error.reason if isinstance(error, Rejected) else "image"
        self._rejected[f"{topic}/{reason}"] += 1
        self._trouble = f"stands: {topic} rejected: {error}"

    def _publish_activity(self, stamp: int, decision: Decision) -> None:
        place = (0.0, 0.0) if decision.place is None else decision.place
        seen = float(decision.place is not None)
        numbers = (decision.confidence, float(decision.understood), seen, *place)
        values = np.concatenate([decision.action, numbers])
        self._activity.publish(joint_state(stamp, _ACTIVITY, values))

    # What it says.

    def _say(self) -> None:
        """Publish how far the instruction is, when that changes."""
        follower = self.follower
        said = follower.progress, follower.reason or follower.instruction
        if said == self._said or follower.progress is Progress.NONE:
            return
        self._said = said
        text = f"{said[0].value}: {said[1]}"
        self._progress.publish(String(data=text))
        self.get_logger().info(text)

    def remark(self) -> str | None:
        """Why the robot stands or is slow although it has an instruction."""
        follower = self.follower
        if follower.progress is Progress.GIVEN_UP:
            return f"stands: gave up '{follower.instruction[:80]}', since {follower.reason}"
        if not follower.following:
            return None
        if not self._trouble and follower.unsure and follower.decision is not None:
            return (
                f"walks at {follower.settings.unsure_speed:.0%} of its speed: the confidence "
                f"{follower.decision.confidence:.2f} is below {follower.settings.min_confidence:g}"
            )
        return self._trouble or None

    def expectations(self) -> dict[str, Expectation]:
        """Odometry and, while an instruction is followed, images."""
        expected = super().expectations()
        if expected and self.follower.following:
            p = self.parameters
            expected[self._image.topic] = Expectation(p.image_period, p.image_timeout)
        return expected

    def diagnostic_values(self) -> dict[str, str]:
        """Those of every controller, how far the instruction is, and how long decisions take."""
        values = super().diagnostic_values()
        if not hasattr(self, "_inference"):
            return values  # not configured yet
        follower, decision = self.follower, self.follower.decision
        return {
            **values,
            "policy": self.parameters.policy,
            "instruction": follower.instruction[:80],
            "progress": follower.progress.value,
            "confidence": "" if decision is None else f"{decision.confidence:.3f}",
            "decisions": str(self._deciding.count),
            "decisions_hz": f"{self._deciding.rate():.2f}",
            **{f"decision_{key}": each for key, each in self._deciding.latencies().items()},
        }

    # The command.

    def limits(self) -> tuple[Array, Array]:
        """Ranges of a gait command's numbers."""
        low, high = np.array(list(RANGES.values())).T
        return low, high

    def safe_action(self) -> Array:
        """To stand on all feet."""
        return _STANDING

    def command(self, nanoseconds: int, action: Array) -> Float64MultiArray | JointState:
        """The numbers of a gait command."""
        if self.parameters.stamped_gait_command:
            return joint_state(nanoseconds, _NUMBERS, action)
        return Float64MultiArray(data=doubles(action))

    def destroy_node(self) -> None:
        """End the node and the policy's thread."""
        self._close_inference()
        super().destroy_node()

    def _close_inference(self) -> None:
        if hasattr(self, "_inference"):
            self._inference.close()


def _warm_up(policy: Policy) -> None:
    """Let the network allocate what it needs, so that the first decision is not late."""
    side = 64
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    policy.reset("go")
    policy.act(noise, RobotState(np.zeros(2), 0.0, 0.0, 0.0, 0.0, np.zeros(2), 0.0))


def main() -> None:
    """Run the node: the executable quart_policy."""
    run_node(QuartPolicy)
