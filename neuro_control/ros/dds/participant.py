# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A participant in a DDS domain through Cyclone DDS, whatever middleware ROS runs on.

It carries what ROS has no message package for on this machine: Unitree's topics, and TF.
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import quoteattr

from neuro_control.errors import ConfigurationError

# Messages that are taken from a reader at once, at most.
_BATCH = 16


def configuration(interface: str) -> str:
    """Cyclone DDS's configuration for a network interface by name."""
    # On loopback there may be no multicast: then other participants are looked for one by one.
    alone = (
        '<Discovery><ParticipantIndex>auto</ParticipantIndex><Peers><Peer address="127.0.0.1"/>'
        "</Peers></Discovery>"
        if interface == "lo"
        else ""
    )
    return (
        '<CycloneDDS><Domain Id="any"><General><Interfaces>'
        f'<NetworkInterface name={quoteattr(interface)} multicast="default"/>'
        f"</Interfaces></General>{alone}</Domain></CycloneDDS>"
    )


class Participant:
    """This process in a DDS domain, through Cyclone DDS.

    Args:
        domain: Number of the domain.
        interface: Network interface; empty for what CYCLONEDDS_URI in the environment says, or
            for what Cyclone DDS finds by itself.

    Raises:
        ConfigurationError: cyclonedds is missing, or can't use the interface.
    """

    def __init__(self, domain: int, interface: str) -> None:
        try:
            from cyclonedds.core import DDSException
            from cyclonedds.domain import Domain, DomainParticipant
        except ImportError as error:
            raise ConfigurationError(
                "a DDS participant of its own needs cyclonedds: pip install 'neuro_control[dds]'"
            ) from error
        self._domain = None
        try:
            if interface:
                try:
                    self._domain = Domain(domain, configuration(interface))
                except DDSException as error:
                    # Another participant of this process has set it up already.
                    if error.code != DDSException.DDS_RETCODE_PRECONDITION_NOT_MET:
                        raise
            self._participant: Any = DomainParticipant(domain)
        except DDSException as error:
            raise ConfigurationError(
                f"no DDS on domain {domain} through {interface or 'any interface'}: {error.msg}"
            ) from error

    def reader(self, topic: str, kind: type, depth: int) -> Any:
        """Reader of a topic that keeps the newest ``depth`` messages, from any writer."""
        from cyclonedds.qos import Policy, Qos
        from cyclonedds.sub import DataReader
        from cyclonedds.topic import Topic

        qos = Qos(Policy.Reliability.BestEffort, Policy.History.KeepLast(depth))
        return DataReader(self._participant, Topic(self._participant, topic, kind), qos=qos)

    def writer(self, topic: str, kind: type, depth: int = 1, latched: bool = False) -> Any:
        """Writer of a topic, reliable where the reader wants it.

        Args:
            topic: Name of the topic in DDS.
            kind: Class of its messages.
            depth: Newest messages that are kept for readers that have yet to confirm them.
            latched: Whether readers that come later get them, too.
        """
        from cyclonedds.pub import DataWriter
        from cyclonedds.qos import Policy, Qos
        from cyclonedds.topic import Topic
        from cyclonedds.util import duration

        qos = Qos(
            Policy.Reliability.Reliable(max_blocking_time=duration(milliseconds=1)),
            Policy.History.KeepLast(depth),
            Policy.Durability.TransientLocal if latched else Policy.Durability.Volatile,
        )
        return DataWriter(self._participant, Topic(self._participant, topic, kind), qos=qos)

    def close(self) -> None:
        """Leave the domain with all readers and writers."""
        self._participant = None
        self._domain = None


def taken(reader: Any) -> list[Any]:
    """Messages that a reader has, each once."""
    # A sample without a message says that a writer came or went.
    return [m for m in reader.take(_BATCH) if type(m).__name__ != "InvalidSample"]


def newest(reader: Any) -> Any | None:
    """Last message that a reader has, or None."""
    messages = taken(reader)
    return messages[-1] if messages else None
