# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The robots' numbers that a controller needs: lengths, masses, limits.

Typed in rather than read from the MJCF, since on the robot there is no MuJoCo; a test holds them
against the models. Legs are in the order FL, FR, RL, RR, and the joints of each hip, thigh, calf.
Frames are REP 103: x forward, y left, z up, origin in the middle of the four hips.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.types import FORWARD, LEFT

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Robot:
    """A quadruped whose legs mirror each other.

    Attributes:
        name: Name.
        hip: Place of the front left leg's hip joint, x and y, m.
        side: Way from there to the thigh's joint along y, m.
        thigh: Way from the thigh's joint to the calf's along -z, m.
        foot: Middle of the foot in the calf's frame, x and z, m.
        radius: Radius of the foot, m.
        imu: Where the IMU sits, (3,), m.
        base_mass: Mass of the trunk, kg.
        base_com: Its centre of mass, (3,), m.
        link_masses: Masses of hip, thigh and calf, kg.
        link_coms: Their centres of mass in their own frames on the front left leg, (3, 3), m.
        inertia: Inertia of the standing robot about its centre of mass, diagonal, kg m².
        limits: Lowest and highest angle of hip, thigh and calf that all legs have, (3, 2), rad.
        torque: Largest torque of hip, thigh and calf, N m.
        friction: Dry friction in hip, thigh and calf, N m.
        damping: Friction that grows with the speed there, N m s/rad.
        reflected: Inertia of hip, thigh and calf when a leg swings, kg m².
        height: Height of the trunk's origin above the ground when it stands, m.
    """

    name: str
    hip: tuple[float, float]
    side: float
    thigh: float
    foot: tuple[float, float]
    radius: float
    imu: tuple[float, float, float]
    base_mass: float
    base_com: tuple[float, float, float]
    link_masses: tuple[float, float, float]
    link_coms: tuple[tuple[float, float, float], ...]
    inertia: tuple[float, float, float]
    limits: tuple[tuple[float, float], ...]
    torque: tuple[float, float, float]
    friction: tuple[float, float, float]
    damping: tuple[float, float, float]
    reflected: tuple[float, float, float]
    height: float = 0.3

    @cached_property
    def mass(self) -> float:
        """Mass of the whole robot, kg."""
        return self.base_mass + 4 * sum(self.link_masses)

    @cached_property
    def legs(self) -> Array:
        """What the kinematics need of each leg, (4, 7).

        The hip joint's x, y, z, the way to the thigh's joint along y, the thigh's length, and the
        foot's x and z in the calf's frame.
        """
        legs = np.zeros((4, 7))
        legs[:, 0] = FORWARD * self.hip[0]
        legs[:, 1] = LEFT * self.hip[1]
        legs[:, 3] = LEFT * self.side
        legs[:, 4] = self.thigh
        legs[:, 5:] = self.foot
        return legs

    @cached_property
    def coms(self) -> Array:
        """Centres of mass of hip, thigh and calf of each leg, in their own frames, (4, 3, 3)."""
        coms = np.tile(np.array(self.link_coms), (4, 1, 1))
        coms[:, :, 1] *= LEFT[:, None]
        # A hip is turned about where it stands at the back; thighs and calves are as in front.
        coms[:, 0, 0] *= FORWARD
        return coms

    @cached_property
    def masses(self) -> Array:
        """Masses of trunk, hip, thigh and calf, (4,), kg."""
        return np.array([self.base_mass, *self.link_masses])

    @cached_property
    def record(self) -> NDArray[Any]:
        """The numbers as a structured array of one row, which compiled functions take.

        ``inverse_inertia`` is 1 / ``inertia``; all other fields are as above.
        """
        numbers: dict[str, Any] = {
            name: getattr(self, name)
            for name in (
                "legs", "coms", "masses", "base_com", "imu", "radius", "mass", "height",
                "torque", "friction", "damping", "reflected",
            )
        }  # fmt: skip
        numbers["inverse_inertia"] = 1.0 / np.array(self.inertia)
        row = np.zeros(1, [(name, np.float64, np.shape(value)) for name, value in numbers.items()])
        for name, value in numbers.items():
            row[name] = value
        return row


GO2 = Robot(
    name="go2",
    hip=(0.1934, 0.0465),
    side=0.0955,
    thigh=0.213,
    foot=(-0.002, -0.213),
    radius=0.022,
    imu=(-0.02557, 0.0, 0.04232),
    base_mass=6.921,
    base_com=(0.021112, 0.0, -0.005366),
    link_masses=(0.678, 1.152, 0.241352),
    link_coms=(
        (-0.0054, 0.00194, -0.000105),
        (-0.00374, -0.0223, -0.0327),
        (0.00629595, -0.000622121, -0.141417),
    ),
    inertia=(0.170, 0.484, 0.535),
    limits=((-1.0472, 1.0472), (-0.5236, 3.4907), (-2.7227, -0.83776)),
    torque=(23.7, 23.7, 45.43),
    friction=(0.22, 0.20, 0.91),
    damping=(0.23, 0.20, 0.13),
    reflected=(0.04, 0.04, 0.04),
)

GO1 = Robot(
    name="go1",
    hip=(0.1881, 0.04675),
    side=0.08,
    thigh=0.213,
    foot=(0.0, -0.213),
    radius=0.023,
    imu=(0.0, 0.0, 0.0),
    base_mass=5.204,
    base_com=(0.0223, 0.002, -0.0005),
    link_masses=(0.68, 1.009, 0.195862),
    link_coms=(
        (-0.0049166, -0.00762615, -8.865e-05),
        (-0.00304722, -0.019315, -0.0305004),
        (0.00429862, 0.000976676, -0.146197),
    ),
    inertia=(0.127, 0.394, 0.423),
    limits=((-0.863, 0.863), (-0.686, 4.501), (-2.818, -0.888)),
    torque=(23.7, 23.7, 35.55),
    friction=(0.2, 0.2, 0.2),
    damping=(1.0, 0.6, 0.6),
    reflected=(0.04, 0.03, 0.016),
)

ROBOTS = {robot.name: robot for robot in (GO2, GO1)}


def find_robot(name: str) -> Robot:
    """Robot by name.

    Raises:
        ConfigurationError: There is none.
    """
    if name not in ROBOTS:
        raise ConfigurationError(f"no robot '{name}': there are {', '.join(ROBOTS)}")
    return ROBOTS[name]
