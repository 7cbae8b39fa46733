"""One walk of an experiment: commands in turn, ground, a push, a start; and what came of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_control.quadruped.control.command import Command
from neuro_control.quadruped.control.command_mux import CommandSources
from neuro_control.quadruped.control.controller import QuadrupedController
from neuro_control.quadruped.control.robots import find
from neuro_control.quadruped.control.types import GRAVITY, LEGS, PERIOD, Observation
from neuro_control.quadruped.evaluation.evaluate import SETTLING
from neuro_control.quadruped.simulation.body import Body, world

Array = NDArray[np.float64]
Row = dict[str, Any]

# A foot that presses harder has touched down, N.
_TOUCHES = 5.0
# Of so many control steps one is recorded where only means are asked for.
_SELDOM = 5
# A foot has left the ground that is higher than this, m.
_CLEAR = 0.005


class Push(NamedTuple):
    """A force on the trunk.

    Attributes:
        begins: When, s.
        force: N.
        direction: From straight ahead to the left, world's frame, rad.
        lasts: How long, s.
    """

    begins: float
    force: float
    direction: float
    lasts: float = 0.2


class Loss(NamedTuple):
    """A joint's sensor that is lost.

    Attributes:
        begins: When, s.
        joint: Which, 0 to 11.
        kind: missing (tells no number), frozen or jumping (by 0.5 rad).
    """

    begins: float
    joint: int
    kind: str

    def change(self, felt: Observation, held: Observation, after: float) -> Observation:
        """What is felt so long after the loss, s, if that was felt last before it."""
        if after < 0.0:
            return felt
        angles, speeds = felt.angles.copy(), felt.speeds.copy()
        if self.kind == "missing":
            angles[self.joint] = math.nan
        elif self.kind == "frozen":
            angles[self.joint], speeds[self.joint] = (
                held.angles[self.joint],
                held.speeds[self.joint],
            )
        else:
            angles[self.joint] += 0.5
        return felt._replace(angles=angles, speeds=speeds)


@dataclass(frozen=True)
class Task:
    """A walk to be done.

    Attributes:
        robot: go2 or go1.
        commands: In turn.
        hold: How long each holds, s; the last holds on.
        seconds: How long all lasts.
        seed: Of the start and the sensors' noise.
        push: On the trunk, or None.
        tilt: How far the ground leans, rad, and which way it rises: from straight ahead to the
            left, rad. Gravity leans in its place, which is the same to all that the robot feels.
        loss: Of a joint's sensor, or None.
        world: What else ``env.world`` takes.
    """

    robot: str
    commands: tuple[Command, ...]
    hold: float = math.inf
    seconds: float = 20.0
    seed: int = 0
    push: Push | None = None
    tilt: tuple[float, float] = (0.0, 0.0)
    loss: Loss | None = None
    world: dict[str, Any] = field(default_factory=dict)

    def command(self, time: float) -> Command:
        """That holds at a time, s."""
        return self.commands[min(int(time / self.hold + 1e-9), len(self.commands) - 1)]


@dataclass(frozen=True)
class Record:
    """A walk that was done.

    Attributes:
        task: What it was.
        truth: Velocity forwards and to the left, yaw rate, height above the ground, roll, pitch,
            and the joints' power, (T, 7).
        forces: With which feet press, (T, 4), N.
        feet: Their lowest points in the world, (T, 4, 3), m.
        trunk: Its origin in the world and its yaw, (T, 4).
        states: States of the locomotion state machine.
        remarks: On what was not obeyed.
        fell: When it fell or gave up, s; None if it did not.
        period: Between two rows, s.
    """

    task: Task
    truth: Array
    forces: Array
    feet: Array
    trunk: Array
    states: list[str]
    remarks: list[str]
    fell: float | None
    period: float = PERIOD

    @property
    def time(self) -> Array:
        """Of the rows, s."""
        return np.array([k * self.period for k in range(len(self.truth))])

    def merits(self) -> Row:
        """Figures of merit of a walk under its first command, after the first 3 s.

        Returns:
            Means of ``forward``, ``left``, ``yaw_rate``, ``height``; ``v_error_mps``,
            ``yaw_error_rps``, ``height_error_m``: sizes of the means' errors; ``roll_deg``, the
            largest; ``frequency`` of touchdowns, Hz; ``swing_m``, median height that feet reach;
            ``cost_of_transport``; ``fell_s``: when it fell, NaN if it did not. After a fall the
            others are NaN.
        """
        names = (
            "forward", "left", "yaw_rate", "height", "v_error_mps", "yaw_error_rps",
            "height_error_m", "roll_deg", "frequency", "swing_m", "cost_of_transport",
        )  # fmt: skip
        if self.fell is not None:
            return {**dict.fromkeys(names, math.nan), "fell_s": self.fell}
        robot, command = find(self.task.robot), self.task.commands[0]
        first = round(SETTLING / self.period)
        truth = self.truth[first:]
        mean = truth.mean(axis=0)
        speed = math.hypot(mean[0], mean[1])
        frequency, swing = _steps(self.forces[first:], self.feet[first:, :, 2], self.period)
        weight = (robot.mass + self.task.world.get("payload", 0.0)) * GRAVITY
        values = (
            *mean[:4],
            math.hypot(mean[0] - command.forward, mean[1] - command.left),
            abs(mean[2] - command.yaw_rate),
            abs(mean[3] - robot.height - command.height),
            math.degrees(np.abs(truth[:, 4]).max()),
            frequency,
            swing,
            mean[6] / (weight * speed) if speed > 0.05 else math.nan,
        )
        return {**{n: float(v) for n, v in zip(names, values, strict=True)}, "fell_s": math.nan}


def _steps(forces: Array, heights: Array, period: float) -> tuple[float, float]:
    """Touchdowns a second and foot, Hz, and the median height that swinging feet reach, m."""
    tops, times = [], []
    for foot in range(4):
        up = heights[:, foot] > _CLEAR
        down = (forces[:, foot] > _TOUCHES) & ~up
        top, lifted = 0.0, False
        landed = []
        for k in range(len(up)):
            if up[k]:
                top, lifted = max(top, heights[k, foot]), True
            elif lifted and down[k]:
                landed.append(k)
                tops.append(top)
                top, lifted = 0.0, False
        if len(landed) > 1:
            times.append((len(landed) - 1) / ((landed[-1] - landed[0]) * period))
    if not times:
        return 0.0, 0.0
    return float(np.mean(times)), float(np.median(tops))


def _begin(task: Task) -> tuple[Body, QuadrupedController]:
    surroundings = world(task.robot, **task.world)
    angle, direction = task.tilt
    surroundings.model.opt.gravity[:] = GRAVITY * np.array(
        [
            -math.sin(angle) * math.cos(direction),
            -math.sin(angle) * math.sin(direction),
            -math.cos(angle),
        ]
    )
    body, controller = Body(surroundings), QuadrupedController(find(task.robot))
    body.reset(np.random.default_rng(task.seed))
    return body, controller


def walk(task: Task, every: int = 1) -> Record:
    """Do a walk, by what the robot feels alone, as the node does it.

    Args:
        task: What walk.
        every: Of so many control steps one is recorded.
    """
    body, controller = _begin(task)
    radius = controller.gait.robot.radius
    feet_of = [body.model.geom(leg).id for leg in LEGS]
    truth, forces, feet, trunk, states = [], [], [], [], []
    remarks: list[str] = []
    fell, walked = None, task.world.get("start", "standing") == "standing"
    push = task.push
    for k in range(round(task.seconds / PERIOD)):
        time = k * PERIOD
        if push is not None:
            acts = push.begins <= time < push.begins + push.lasts
            way = np.array([math.cos(push.direction), math.sin(push.direction), 0.0])
            body.push(push.force * acts * way)
        command = task.command(time)
        answer = controller.step(body.observation, time, CommandSources.constant(command))
        body.step(answer.efforts)
        said = controller.locomotion.monitor.remarks + controller.governor.remarks
        remarks.extend(each for each in said if each not in remarks)
        walked |= controller.state == "walking"
        # Who lets go has given up, whether it lies on its side by then or not.
        if walked and (body.fallen or controller.state == "damping"):
            fell = time
        if k % every == 0 or fell is not None:
            velocity, rotation = body.velocity, body.rotation
            truth.append(
                (
                    *velocity[:2], body.yaw_rate, body.height, body.roll,
                    -math.asin(min(max(rotation[2, 0], -1.0), 1.0)), body.power,
                )
            )  # fmt: skip
            states.append(controller.state)
            forces.append(body.observation.forces)
            feet.append(body.data.geom_xpos[feet_of] - [0.0, 0.0, radius])
            trunk.append((*body.data.qpos[:3], math.atan2(rotation[1, 0], rotation[0, 0])))
        if fell is not None:
            break
    return Record(
        task, np.array(truth), np.array(forces), np.array(feet), np.array(trunk), states,
        remarks, fell, every * PERIOD,
    )  # fmt: skip


def measure(task: Task) -> Row:
    """Figures of merit of a walk: a task for an executor."""
    return walk(task, _SELDOM).merits()


def survive(task: Task) -> Row:
    """How a walk ended: a task for an executor.

    Returns:
        ``fell_s`` and ``lean_deg``: when it fell or let go and how far the trunk leaned then, NaN
        if it did neither; ``remarks``: how many there were on what was not obeyed.
    """
    record = walk(task, _SELDOM)
    if record.fell is None:
        fell = lean = math.nan
    else:
        roll, pitch = record.truth[-1, 4:6]
        fell, lean = record.fell, math.degrees(math.acos(math.cos(roll) * math.cos(pitch)))
    return {"fell_s": fell, "lean_deg": lean, "remarks": len(record.remarks)}


def rise(task: Task) -> Row:
    """How long a robot took until it walked, s, NaN if it never did: a task for an executor."""
    record = walk(task, _SELDOM)
    walks = [state == "walking" for state in record.states]
    up = walks.index(True) * record.period if any(walks) else math.nan
    turns = sum(
        then == "self_righting" and now != "self_righting"
        for now, then in zip(record.states, record.states[1:], strict=False)
    )
    fell = math.nan if record.fell is None and any(walks) else task.seconds
    return {"up_s": up, "turns": turns, "fell_s": fell}


def lie_down(task: Task) -> Row:
    """What a robot does that loses a joint's sensor as it walks: a task for an executor.

    Returns:
        ``told_s`` and ``lies_s``: how long until it lies down and until its joints only brake, s;
        ``lean_deg`` and ``sinks_mps``: how far its trunk leaned and how fast it sank, at most;
        ``fell_s``: NaN unless it leaned by 60°.
    """
    body, controller = _begin(task)
    loss = task.loss or Loss(math.inf, 0, "missing")
    told = lies = fell = math.nan
    lean = sinks = 0.0
    held = body.observation
    for k in range(round(task.seconds / PERIOD)):
        after = k * PERIOD - loss.begins
        felt = body.observation
        if after < 0.0:
            held = felt
        seen = loss.change(felt, held, after)
        sources = CommandSources.constant(task.commands[0])
        body.step(controller.step(seen, k * PERIOD, sources).efforts)
        if after < 0.0:
            continue
        if math.isnan(told) and controller.state != "walking":
            told = after
        if math.isnan(lies) and controller.state == "damping":
            lies = after
        if body.fallen and math.isnan(fell):
            fell = after
        lean = max(lean, math.acos(min(float(body.rotation[2, 2]), 1.0)))
        sinks = max(sinks, -float(body.velocity[2]))
    return {
        "told_s": told, "lies_s": lies, "lean_deg": math.degrees(lean), "sinks_mps": sinks,
        "fell_s": fell,
    }  # fmt: skip
