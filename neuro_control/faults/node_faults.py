# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Faults of a node and its surroundings: its process, services, clock, peers and disk."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from typing import Any, ClassVar

from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters

from neuro_control.faults.fault import Fault, Tolerated
from neuro_control.faults.harness import Harness
from neuro_control.faults.numbers import changed_number
from neuro_control.faults.subject import Stream, Subject
from neuro_control.ros import process
from neuro_control.ros.messages import NANOSECONDS

# Parameters of one request of a storm, and requests a second.
_PARAMETERS = 200
_REQUESTS = 100.0
# Transitions that are asked for, in whatever state: ids that there are, and some that there are
# not. Those that shut a node down are left out: from them only a restart leads back.
_TRANSITIONS = (0, 1, 2, 3, 4, 30, 99, 200)
_ASKED = 10
# By how much a clock jumps, s, evenly in the logarithm.
_JUMP = (0.01, 5.0)
# Wall time within which a process that takes the robot's place is heard, s.
_PEER = 20.0


class ParameterStorm(Tolerated):
    """Somebody sets parameters without end: unknown ones, of types that there are and are not."""

    whole_node = True

    def prepare(self, harness: Harness) -> None:
        """Make a client, and a request of many parameters."""
        name = harness.subject.name
        self._client = harness.node.create_client(SetParameters, f"/{name}/set_parameters")
        harness.run(5.0, self._client.service_is_ready)
        kinds = [1, 2, 3, 4, 9, 77, 255]
        self._request = SetParameters.Request(
            parameters=[
                Parameter(
                    name=f"storm_{k}",
                    value=ParameterValue(type=int(self.rng.choice(kinds)), double_value=1.0),
                )
                for k in range(_PARAMETERS)
            ]
        )
        self._sent = 0

    def act(self, harness: Harness) -> None:
        """One more request, if it is due."""
        if self._sent < self.elapsed() * _REQUESTS:
            self._client.call_async(self._request)
            self._sent += 1

    def end(self, harness: Harness) -> None:
        """Close the client."""
        harness.node.destroy_client(self._client)


class OddLifecycle(Tolerated):
    """Transitions are asked for in any state: valid ones, invalid ones, and unknown ones."""

    whole_node = True
    recovered_by = "lifecycle"

    @classmethod
    def unfit_for(cls, subject: Subject) -> str:
        """Some nodes have no lifecycle."""
        return "" if subject.managed else "it has no lifecycle"

    def prepare(self, harness: Harness) -> None:
        """Make a client."""
        name = harness.subject.name
        self._client = harness.node.create_client(ChangeState, f"/{name}/change_state")
        harness.run(5.0, self._client.service_is_ready)
        self._asked = 0

    def act(self, harness: Harness) -> None:
        """One more request, if it is due."""
        if self._asked < _ASKED * self.elapsed() / self.seconds:
            request = ChangeState.Request()
            request.transition.id = int(self.rng.choice(_TRANSITIONS))
            self._client.call_async(request)
            self._asked += 1

    def end(self, harness: Harness) -> None:
        """Close the client."""
        harness.node.destroy_client(self._client)


class Killed(Tolerated):
    """The process is killed; who is to recover it starts it again, as a launch that respawns."""

    whole_node = True
    may_end = True

    def begin(self, harness: Harness) -> None:
        """Kill it."""
        harness.child.kill()


class Stopped(Tolerated):
    """The process is stopped for 50 ms to 1 s and continued; its robot goes on."""

    whole_node = True

    @property
    def seconds(self) -> float:
        """How long it stands still, s."""
        return self._seconds

    def begin(self, harness: Harness) -> None:
        """Stop it."""
        self._seconds = float(self.rng.uniform(0.05, 1.0))
        harness.child.send(signal.SIGSTOP)

    def end(self, harness: Harness) -> None:
        """Continue it."""
        harness.child.send(signal.SIGCONT)


class ClockForward(Tolerated):
    """The clock jumps ahead by 10 ms to 5 s, and stays so."""

    whole_node = True
    simulated = True
    sign: ClassVar[int] = 1

    @classmethod
    def unfit_for(cls, subject: Subject) -> str:
        """Some nodes are the clock, or have none of their own."""
        return (
            ""
            if any(hasattr(each.message(), "header") for each in subject.streams)
            else ("nothing that it receives is stamped")
        )

    def begin(self, harness: Harness) -> None:
        """Let it jump; the robot's stamps follow."""
        low, high = map(math.log, _JUMP)
        jump = math.exp(self.rng.uniform(low, high))
        harness.streams.offset += self.sign * round(jump * NANOSECONDS)


class ClockBack(ClockForward):
    """The clock jumps back by 10 ms to 5 s, and stays so."""

    sign = -1


class Reset(ClockForward):
    """The simulation is reset: the clock begins again at zero."""

    def begin(self, harness: Harness) -> None:
        """Let it begin again."""
        harness.streams.offset -= harness.streams.now()


class PeerLost(Fault):
    """The robot's own process, or its device, is gone from one moment to the next."""

    whole_node = True

    def prepare(self, harness: Harness) -> None:
        """Let another process be the robot, unless it is a device."""
        self._peer: subprocess.Popen[bytes] | None = None
        if harness.surroundings.lose is not None:
            return
        self._peer = subprocess.Popen(
            [
                sys.executable,
                *("-m", "neuro_control.faults.peer", harness.key),
                *(str(harness.domain), str(harness.streams.offset)),
            ],
            env={**os.environ, process.PARENT_VARIABLE: str(os.getpid())},
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        name = f"peer_{self._peer.pid}"
        harness.run(_PEER, lambda: harness.hears_from(name))
        harness.streams.muted = True
        harness.wait_until_it_moves(_PEER)

    def begin(self, harness: Harness) -> None:
        """Kill it, or take it away."""
        if self._peer is not None:
            self._peer.kill()
            self._peer.wait()
        elif harness.surroundings.lose is not None:
            harness.surroundings.lose()

    def end(self, harness: Harness) -> None:
        """A robot is there again."""
        harness.streams.muted = False
        if harness.surroundings.restore is not None:
            harness.surroundings.restore()


class DiskFull(Tolerated):
    """No file can grow, while a bad message now and then gives the node something to write."""

    whole_node = True

    def begin(self, harness: Harness) -> None:
        """The disk is full."""
        self._count = 0
        if harness.child.alive:
            harness.child.limit_files(0)

    def alter(self, stream: Stream, message: Any) -> list[Any]:
        """Every third message has a number that is none, where it has numbers at all."""
        self._count += 1
        if self._count % 3 or stream is not self.target:
            return [message]
        try:
            return [changed_number(message, stream.fields[0], 0, lambda _: math.nan)]
        except (ValueError, TypeError):
            return [message]  # bytes

    def end(self, harness: Harness) -> None:
        """Somebody has tidied up."""
        if harness.child.alive:
            harness.child.limit_files(None)


NODE_FAULTS: dict[str, type[Fault]] = {
    "parameter_storm": ParameterStorm,
    "odd_lifecycle": OddLifecycle,
    "killed": Killed,
    "stopped": Stopped,
    "clock_forward": ClockForward,
    "clock_back": ClockBack,
    "reset": Reset,
    "peer_lost": PeerLost,
    "disk_full": DiskFull,
}
