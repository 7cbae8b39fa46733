# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Checks of the networks that a robot is reached through."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct
import subprocess
from pathlib import Path

from neuro_control.doctor.check import Finding, failed, passed, warned

# The group by which DDS participants find one another, and a port of nobody's in the same range.
_GROUP, _PORT = "239.255.0.1", 7399
_TIMEOUT = 1.0
# Requests of Linux's ioctl: the address and the flags of an interface; IFF_UP, IFF_MULTICAST.
_GET_ADDRESS, _GET_FLAGS = 0x8915, 0x8913
_UP, _MULTICAST = 0x1, 0x1000


def interfaces() -> list[str]:
    """Names of this machine's network interfaces."""
    return [name for _, name in socket.if_nameindex()]


def address(interface: str) -> str:
    """IPv4 address of an interface, empty if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        request = struct.pack("256s", interface.encode()[:15])
        try:
            answer = fcntl.ioctl(asked.fileno(), _GET_ADDRESS, request)
        except OSError:
            return ""
    return socket.inet_ntoa(answer[20:24])


def flags(interface: str) -> int:
    """Flags of an interface, as <net/if.h> has them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        answer = fcntl.ioctl(
            asked.fileno(), _GET_FLAGS, struct.pack("256s", interface.encode()[:15])
        )
    return int(struct.unpack_from("H", answer, 16)[0])


def interface_check(name: str, network: str = "") -> Finding:
    """Whether an interface is there, up, and in a network.

    Args:
        name: Its name.
        network: The network that its address should be in, as 192.168.123.0/24; empty for any.
    """
    what = f"interface {name}"
    if name not in interfaces():
        there = ", ".join(interfaces())
        return failed(what, "there is none", f"set network_interface to one of {there}")
    carrier = Path(f"/sys/class/net/{name}/carrier")
    here = address(name)
    if not flags(name) & _UP or (carrier.is_file() and _read(carrier) == "0"):
        return failed(what, "it is down", f"plug the cable in; sudo ip link set {name} up")
    if not here:
        example = f" {_host(network)}" if network else ""
        return failed(what, "it has no address", f"sudo ip address add{example} dev {name}")
    inside = not network or ipaddress.ip_address(here) in ipaddress.ip_network(network)
    if not inside and name != "lo":
        remedy = f"give it a fixed address of the robot's network: {_host(network)}"
        return failed(what, f"{here} is not in {network}", remedy)
    return passed(what, f"up, {here}")


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:  # an interface that is down has no carrier to read
        return "0"


def _host(network: str) -> str:
    """An address for this machine: Unitree's example is the 99th."""
    known = ipaddress.ip_network(network)
    return f"{known.network_address + 99}/{known.prefixlen}"


def multicast(interface: str) -> Finding:
    """Whether a packet to DDS's multicast group comes back on an interface.

    Args:
        interface: Its name; empty for the one that the routes choose.
    """
    what = f"multicast {interface}".strip()
    if interface == "lo" and not flags("lo") & _MULTICAST:
        return passed(what, "none on loopback, where DDS looks for participants one by one")
    remedy = (
        f"sudo ip link set {interface or 'INTERFACE'} multicast on; sudo ip route add 239.0.0.0/8 "
        f"dev {interface or 'INTERFACE'}; look at the firewall"
    )
    own = socket.inet_aton(address(interface) if interface else "0.0.0.0")  # noqa: S104  # any
    word = b"neuro_control doctor"
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hears,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as says,
    ):
        hears.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        hears.settimeout(_TIMEOUT)
        says.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
        says.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        try:
            hears.bind((_GROUP, _PORT))
            hears.setsockopt(
                socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(_GROUP) + own
            )
            says.sendto(word, (_GROUP, _PORT))
            heard = hears.recv(100) == word
        except OSError as error:
            return failed(what, f"a packet to {_GROUP} did not come back ({error})", remedy)
    if not heard:
        return failed(what, f"another packet than ours came on {_GROUP}", remedy)
    return passed(what, f"a packet to {_GROUP} came back")


def firewall() -> Finding:
    """Whether a firewall is on; its rules are root's to read."""
    active = [name for name in ("ufw", "firewalld", "nftables") if _is_active(name)]
    if not active:
        return passed("firewall", "none of ufw, firewalld and nftables is active")
    remedy = (
        "allow UDP on the robot's interface, as by `sudo ufw allow in on INTERFACE proto udp`, and "
        "multicast; skip this if it is done"
    )
    return warned("firewall", f"{', '.join(active)} is active and may block DDS", remedy)


def _is_active(service: str) -> bool:
    if service == "ufw":
        # Its service is active even where it lets everything pass.
        config = Path("/etc/ufw/ufw.conf")
        return config.is_file() and "ENABLED=yes" in config.read_text()
    try:
        done = subprocess.run(
            ["systemctl", "is-active", service],  # noqa: S607  # wherever it is
            capture_output=True,
            text=True,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.strip() == "active"
