# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Faults of a node and its surroundings: its process, its services, its clock, its files."""

from __future__ import annotations

import signal

from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters

from neuro_control.faults.fault import Fault
from neuro_control.faults.harness import Harness

# Parameters of one request of a storm, and requests a second.
_PARAMETERS = 200
_REQUESTS = 100.0


class _OfTheNode(Fault):
    """Base of faults that happen to the node; its observation is the stream that counts."""

    whole_node = True


class ParameterStorm(_OfTheNode):
    """Somebody sets parameters without end: unknown ones, of types that there are and are not."""

    demands_safety = False

    def prepare(self, harness: Harness) -> None:
        """Make a client, and a request of many parameters."""
        self._client = harness.node.create_client(SetParameters, f"/{harness.name}/set_parameters")
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


class Killed(_OfTheNode):
    """The process is killed; who is to recover it starts it again, as a launch that respawns."""

    demands_safety = False
    may_end = True

    def begin(self, harness: Harness) -> None:
        """Kill it."""
        harness.child.kill()


class Stopped(_OfTheNode):
    """The process is stopped for 50 ms to 1 s and continued; its robot goes on."""

    demands_safety = False

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


NODE_FAULTS: dict[str, type[Fault]] = {
    "parameter_storm": ParameterStorm,
    "killed": Killed,
    "stopped": Stopped,
}
