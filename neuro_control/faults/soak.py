# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The soak test: a scenario runs for hours, and its processes are watched."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import rclpy
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from rich.table import Table

from neuro_control.cli.output import print_table, remarks, write_rows
from neuro_control.cli.plotting import figure
from neuro_control.cli.progress import progress
from neuro_control.cli.scenario import Scenario, find_scenario
from neuro_control.errors import ConfigurationError
from neuro_control.faults.child import Child
from neuro_control.faults.harness import claim_domain, taken
from neuro_control.faults.soak_record import Record, Sample
from neuro_control.faults.subject import Subject, find_subject
from neuro_control.ros.messages import NANOSECONDS, SENSOR_QOS, to_nanoseconds
from neuro_control.ros.process import Stop, discover_locally
from neuro_control.ros.run import Parameters, read_parameters, set_parameters, wait_alike

# Wall time between two looks at topics, and at processes, s.
_LOOK, _SAMPLE = 0.002, 10.0
# Wall time that an answer may take before an observation counts as unanswered, s.
_ANSWERED = 5.0
# Wall time without an observation that ends the test, s: compiling comes before the first.
_PATIENCE = 300.0


class Watch:
    """Pairs observations with the commands that answer them.

    Args:
        subject: The node that answers.
        record: Takes down what is found.
        lockstep: Whether an observation that another follows has been answered, whether its answer
            was seen here or not: commands wait for nobody who only listens.

    Attributes:
        last: When the last observation came, on a steady clock, s.
    """

    def __init__(self, subject: Subject, record: Record, lockstep: bool) -> None:
        self._record, self._lockstep = record, lockstep
        self._node = rclpy.create_node("soak", enable_rosout=False)
        observation, output = subject.streams[0], subject.output
        self._observations = self._node.create_subscription(
            observation.message, observation.topic, lambda _: None, _deep(SENSOR_QOS)
        )
        self._commands = self._node.create_subscription(
            output.message, output.topic, lambda _: None, _deep(output.qos)
        )
        self._open: dict[int, int] = {}  # when each stamp was sent, ns
        self._latest = -1
        self._answered = False  # nobody can before the controller is active
        self.last = time.monotonic()

    def look(self) -> None:
        """Take down what has come."""
        for sent, message in taken(self._observations):
            stamp = to_nanoseconds(message.header.stamp)
            self.last = time.monotonic()
            if stamp <= self._latest:
                self._record.repeated += self._answered
                continue
            if self._latest >= 0:
                self._record.seconds += (stamp - self._latest) / NANOSECONDS
            self._latest = stamp
            self._record.observations += 1
            self._open[stamp] = sent
        for answered, message in taken(self._commands):
            begun = self._open.pop(to_nanoseconds(message.header.stamp), None)
            if begun is not None:
                self._answered = True
                self._record.add_latency((answered - begun) / NANOSECONDS)
        limit = time.time_ns() - round(_ANSWERED * NANOSECONDS)
        for stamp in [stamp for stamp, sent in self._open.items() if sent < limit]:
            del self._open[stamp]
            followed = self._lockstep and stamp != self._latest
            self._record.unanswered += self._answered and not followed

    def close(self) -> None:
        """Leave the topics."""
        self._node.destroy_node()


def _deep(qos: QoSProfile) -> QoSProfile:
    """The same quality of service, with room for what comes between two looks."""
    return QoSProfile(depth=1000, reliability=qos.reliability)


def sample(node: str, number: int, segment: int, hours: float) -> Sample:
    """Look at a process.

    Raises:
        OSError: It has ended.
    """
    folder = Path(f"/proc/{number}")
    pages = int((folder / "statm").read_text().split()[1])
    return Sample(
        node,
        segment,
        hours,
        pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
        len(list((folder / "fd").iterdir())),
        len(list((folder / "task").iterdir())),
    )


def run_segment(
    scenario: Scenario, parameters: Parameters, record: Record, seconds: float, kept: Path
) -> None:
    """Run the scenario's nodes until ``seconds`` of simulated time are recorded, or a signal comes.

    Raises:
        ConfigurationError: A node ended, or no observation came any more.
    """
    first, *others = scenario.nodes
    record.segments += 1
    stop = Stop()
    with ExitStack() as stack:
        stack.callback(stop.restore)
        domain, claim = claim_domain(int(os.environ.get("ROS_DOMAIN_ID") or 150))
        stack.enter_context(claim)
        rclpy.init(args=[], domain_id=domain, signal_handler_options=SignalHandlerOptions.NO)
        stack.callback(rclpy.try_shutdown)
        lockstep = bool(parameters[first]["lockstep"])
        watch = Watch(find_subject(others[0]), record, lockstep)
        stack.callback(watch.close)
        children: dict[str, Child] = {}
        # The simulation, which waits for the others, comes last and goes first.
        for name in (*others, first):
            children[name] = Child(name, scenario.nodes[name], parameters[name], domain)
            stack.callback(children[name].close)
        show = stack.enter_context(progress("soaking", seconds, "s"))
        begun = due = time.monotonic()
        while record.seconds < seconds and not stop():
            watch.look()
            now = time.monotonic()
            if now >= due:
                due = now + _SAMPLE
                _look_at(children, record, (now - begun) / 3600)
                record.save(kept)
                show(record.seconds)
            if now - watch.last > _PATIENCE:
                raise ConfigurationError(f"no observation for {_PATIENCE:g} s")
            time.sleep(_LOOK)
        record.save(kept)
    if stop.signal is not None:
        raise KeyboardInterrupt


def _look_at(children: dict[str, Child], record: Record, hours: float) -> None:
    for name, child in children.items():
        if not child.alive:
            lines = child.log().strip().splitlines() or ["it said nothing"]
            raise ConfigurationError(f"{name} ended with {child.code}: {lines[-1]}")
        record.samples.append(sample(name, child.number, record.segments, hours))


def parameters_of(scenario: Scenario, mode: str, seed: int, changes: tuple[str, ...]) -> Parameters:
    """Parameters of the scenario's nodes in a run without end."""
    parameters = read_parameters(scenario.config_file(), list(scenario.nodes))
    first, *others = scenario.nodes
    parameters[first].update(lockstep=mode == "lockstep", seed=seed)
    for name in others:
        parameters[name]["use_sim_time"] = True
    set_parameters(parameters, changes)
    wait_alike(parameters)
    return parameters


def _side_by_side(rows: list[dict[str, Any]]) -> Table:
    """A column for each process."""
    table = Table("", *(row["node"] for row in rows))
    for name in rows[0]:
        if name != "node":
            cells = [row[name] for row in rows]
            table.add_row(name, *(f"{c:.4g}" if isinstance(c, float) else str(c) for c in cells))
    return table


def draw_memory(record: Record, path: Path) -> None:
    """Memory of each process over the time."""
    with figure(path, 6.0, 3.2) as drawn:
        axes = drawn.subplots()
        for name in dict.fromkeys(each.node for each in record.samples):
            own = record.of(name)
            axes.plot([each.hours for each in own], [each.megabytes for each in own], label=name)
        axes.set_xlabel("wall time since the start, h")
        axes.set_ylabel("resident memory, MB")
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=7)


def soak(
    name: str, mode: str, hours: float, changes: tuple[str, ...], seed: int, out: Path
) -> None:
    """Run a scenario for ``hours`` of simulated time, all segments together, and report.

    Raises:
        ConfigurationError: A node ended, or the scenario does not fit.
        KeyboardInterrupt: It was interrupted; what was found so far is reported all the same.
    """
    scenario = find_scenario(name)
    discover_locally()
    out.mkdir(parents=True, exist_ok=True)
    kept = out / f"{name}_{mode}.json"
    record = Record.load(kept)
    parameters = parameters_of(scenario, mode, seed, changes)
    try:
        if record.seconds < 3600 * hours:
            run_segment(scenario, parameters, record, 3600 * hours, kept)
    finally:
        if record.samples:
            rows = [{"scenario": name, "mode": mode, **record.row(node)} for node in scenario.nodes]
            write_rows(out / f"{name}_{mode}.csv", rows)
            draw_memory(record, out / f"{name}_{mode}.png")
            print_table(_side_by_side(rows))
            remarks.print(f"written: {out}/{name}_{mode}.csv, .png and .json", soft_wrap=True)
