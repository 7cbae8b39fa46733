# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What acts on a flight beside the physics: motors' electronics, gusts and sensors."""

from __future__ import annotations

import math
from collections import deque

import mujoco
import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.thrust_allocation import DEAD_ZONE
from neuro_control.blimp.control.types import CONTROL_PERIOD, FULL_COMMAND, PROPELLERS, SERVO
from neuro_control.blimp.simulation.conditions import FlightConditions
from neuro_control.simulation.world import Electronics

Array = NDArray[np.float64]

# Lidar: Benewake TFmini-S, read ten times a second and measuring a hundred times.
LIDAR_PERIOD = 0.01  # s
LIDAR_MINIMUM = 0.1  # m
# Motors: duty cycles between standing still and full thrust. The robot's driver sends 9 + 3 |u|
# parts of 45, so that the smallest command already has 9.9 of the 39 parts of a full one; thrust
# grows with a power of them, which was found in the first half of a flight of the authors.
DUTY_STEPS = 30
DUTY_OFFSET = 9 / 30
THRUST_EXPONENT = 1.4
# Time without thrust when the shaft turns from up to down, s: propellers run down, the servo turns
# (0.3 s), propellers run up. From the same flight.
REVERSAL = 0.8
# Noise of the other sensors, standard deviations.
_ACCELERATION_NOISE, _GYRO_NOISE, _PRESSURE_NOISE = 0.05, 0.005, 2.0  # m/s², rad/s, Pa
PRESSURE = 101_325.0  # on the floor, Pa
DRAUGHT_TIME = 5.0  # s within which the vertical force of draughts comes and goes
# Gusts come and go within this time, s, and are mostly level, as in rooms.
GUST_TIME, GUST_RISE = 5.0, 0.1
_FASTEST_GUST = 0.5  # m/s
# Times in seconds are no whole numbers of periods.
_SLACK = 1e-6  # s


class FlightElectronics(Electronics):
    """Motors' electronics, gusts and sensors of one flight."""

    def __init__(
        self, given: FlightConditions, model: mujoco.MjModel, rng: np.random.Generator
    ) -> None:
        self._given = given
        self._model = model
        self._rng = rng
        self._propellers = [model.actuator(name).id for name in PROPELLERS]
        self._servo = model.actuator(SERVO).id
        self._full = model.actuator_ctrlrange[self._propellers, 1].copy()
        self._lidar = int(model.sensor("lidar").adr[0])
        self._cutoff = float(model.sensor("lidar").cutoff[0])
        self._barometer = int(model.sensor("barometer").adr[0])
        self._accelerometer = _readings(model, "accelerometer")
        self._gyro = _readings(model, "gyro")
        self._height = int(model.joint("z").qposadr[0])
        self._climb = int(model.joint("z").dofadr[0])
        self._delay = round(given.delay / CONTROL_PERIOD) * CONTROL_PERIOD
        self._under_way: deque[tuple[float, Array]] = deque()
        self._draught = 0.0
        if given.draught:
            self._draught = given.draught * rng.normal()
        self._gust = given.gust * (rng.uniform() if given.spread else 1.0)
        self._angle = 0.0
        self._arrival = 0.0
        self._used = 0.0
        self._before = 0.0
        self._wind = np.zeros(3)
        if self._gust:
            self._wind = rng.normal(size=3) * self._gust
        model.opt.wind[:] = 0.0

    def drive(self, data: mujoco.MjData, command: Array) -> None:
        """Let the command act that has arrived by now; before the first the motors do nothing."""
        if not self._delay:
            self._act(data, command)
            return
        self._under_way.append((data.time + self._delay - _SLACK, command.copy()))
        while self._under_way and self._under_way[0][0] <= data.time:
            self._act(data, self._under_way.popleft()[1])

    def _act(self, data: mujoco.MjData, command: Array) -> None:
        """Set thrusts in steps, none while the shaft turns, less as the battery empties."""
        angle = float(command[self._servo])
        if angle != self._angle:
            self._arrival = data.time + REVERSAL * abs(angle - self._angle) / math.pi
            self._angle = angle
        data.ctrl[:] = command
        duty = np.minimum(np.maximum(command[self._propellers] / self._full, 0.0), 1.0)
        if data.time < self._arrival - 1e-9:
            duty[:] = 0.0
        duty = np.round(duty * DUTY_STEPS) / DUTY_STEPS
        pull = np.where(
            duty > 0, ((DUTY_OFFSET + duty) / (DUTY_OFFSET + 1)) ** THRUST_EXPONENT, 0.0
        )
        self._used += float(duty.mean()) * (data.time - self._before) / 600.0
        self._before = data.time
        data.ctrl[self._propellers] = self._full * pull * (1.0 - self._given.sag * self._used)

    def observe(self, data: mujoco.MjData) -> None:
        """Add noise to the readings, and set the wind until the next."""
        given, rng, sensors = self._given, self._rng, data.sensordata
        # Always the same draws, whatever comes of them: cases of one seed share their noise.
        age, error, loss = rng.uniform(), rng.normal(), rng.uniform()
        distance = sensors[self._lidar] - data.qvel[self._climb] * age * LIDAR_PERIOD
        distance += given.noise * error
        if loss < given.lost:
            distance = math.nan
        elif sensors[self._lidar] >= self._cutoff:
            distance = math.inf
        elif distance < LIDAR_MINIMUM:
            distance = -math.inf
        else:
            distance = round(distance, 2)  # the sensor sends whole centimetres
        sensors[self._lidar] = distance
        sensors[self._accelerometer] += rng.normal(0.0, _ACCELERATION_NOISE, 3)
        sensors[self._gyro] += rng.normal(0.0, _GYRO_NOISE, 3)
        weight = self._model.opt.density * -self._model.opt.gravity[2]
        pressure = PRESSURE * math.exp(-weight * data.qpos[self._height] / PRESSURE)
        sensors[self._barometer] = pressure + rng.normal(0.0, _PRESSURE_NOISE)
        if given.draught:
            keep = math.exp(-CONTROL_PERIOD / DRAUGHT_TIME)
            fresh_force = given.draught * math.sqrt(1 - keep**2) * rng.normal()
            data.qfrc_applied[self._climb] = self._draught
            self._draught = keep * self._draught + fresh_force
        if self._gust:
            keep = math.exp(-CONTROL_PERIOD / GUST_TIME)
            fresh = self._gust * math.sqrt(1 - keep**2) * rng.normal(size=3)
            self._wind = keep * self._wind + fresh
            wind = self._wind * [1.0, 1.0, GUST_RISE]
            speed = float(np.linalg.norm(wind))
            self._model.opt.wind[:] = wind * min(1.0, _FASTEST_GUST / max(speed, 1e-9))


def pull_of(command: float) -> float:
    """Part of the full thrust, 0 to 1, that the motors make of the size of a command, of 10."""
    if abs(command) < DEAD_ZONE:
        return 0.0
    duty = abs(command) / FULL_COMMAND
    return float(((DUTY_OFFSET + duty) / (DUTY_OFFSET + 1.0)) ** THRUST_EXPONENT)


def _readings(model: mujoco.MjModel, sensor: str) -> slice:
    start = int(model.sensor(sensor).adr[0])
    return slice(start, start + int(model.sensor(sensor).dim[0]))
