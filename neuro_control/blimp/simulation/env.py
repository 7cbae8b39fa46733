# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Blimp as a Gymnasium environment: hold one altitude after another."""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from neuro_control.blimp.control.thrust_allocation import AllocationSettings, ThrustAllocation
from neuro_control.blimp.control.types import CONTROL_PERIOD, FULL_COMMAND
from neuro_control.blimp.simulation.body import Body
from neuro_control.blimp.simulation.electronics import LIDAR_MINIMUM, PRESSURE
from neuro_control.blimp.simulation.world import max_thrust, world
from neuro_control.simulation.effects import Description
from neuro_control.simulation.viewing import RENDER_MODES, Camera, View

Array = NDArray[np.float64]

_LOWEST, _HIGHEST = 0.4, 1.8  # m
_SCALE = 0.2  # m


class BlimpAltitude(gymnasium.Env[Array, Array]):
    """Hold altitudes that change every 25 s, ``neuro_control/BlimpAltitude-v0``.

    ## Action space

    ``Box(-1, 1, (1,), float64)``. A larger action is cut off at the bounds. The thrust allocation
    of the controller node turns the action into thrusts of both propellers and the angle of the
    servo that carries them; an action below 0.03 stops the propellers, and changing sign takes
    0.3 s, while the servo turns.

    | Num | Action | Min | Max | Actuators | Full command |
    | --- | --- | --- | --- | --- | --- |
    | 0 | command as a part of full thrust; above 0 climbs | -1 | 1 | ``left_propeller``, ``right_propeller``, ``servo`` | 0.18 N |

    ## Observation space

    ``Box(low, inf, (4,), float64)``: measurements with the sensors' noise, and the set-point.

    | Num | Observation | Min | Max | Sensor | Unit |
    | --- | --- | --- | --- | --- | --- |
    | 0 | distance to the floor in whole centimetres; the last one where a reading is lost | 0 | inf | ``lidar`` | m |
    | 1 | set-point | 0 | inf | - | m |
    | 2 | altitude by pressure | -inf | inf | ``barometer`` | m |
    | 3 | vertical acceleration in the body's frame, without gravity | -inf | inf | ``accelerometer`` | m/s² |

    ## Rewards

    The reward is ``tracking_altitude``, 1 at most; ``info`` holds the term.

    - *tracking_altitude*: 1 / (1 + (e / 0.2 m)²), where e is the error of the true altitude.

    ## Starting state

    The blimp is at rest at 0.4 m, heading anywhere. Set-points are drawn between 0.4 and 1.8 m.

    ## Episode end

    An episode never terminates and is truncated after 100 s, 1000 steps.

    Args:
        case: heavy, neutral, gust, lossy, sagging or varied.
        render_mode: None, "human" (MuJoCo's viewer) or "rgb_array".
        width: Width of the picture, pixels.
        height: Height of the picture, pixels.
        effects: Noise, faults, pushes and the like, as ``effects.parse`` takes them.

    Raises:
        ConfigurationError: An argument is out of range.
    """  # noqa: E501  # the tables' rows

    metadata = {  # noqa: RUF012  # as Gymnasium declares it
        "render_modes": list(RENDER_MODES),
        "render_fps": round(1 / CONTROL_PERIOD),
    }
    steps = 1000
    hold = 250  # steps for which a set-point holds

    def __init__(
        self,
        case: str = "heavy",
        render_mode: str | None = None,
        width: int = 480,
        height: int = 360,
        effects: Description = (),
    ) -> None:
        self.body = Body(world(case).with_effects(effects))
        self.render_mode = render_mode
        model, data = self.body.model, self.body.data
        self._view = View(render_mode, model, data, lambda: Camera(model, "side", height, width))
        low = np.array([0.0, 0.0, -np.inf, -np.inf])
        self.observation_space = spaces.Box(low, np.inf, (4,), np.float64)
        self.action_space = spaces.Box(-1.0, 1.0, (1,), np.float64)
        self._allocation = ThrustAllocation(AllocationSettings(max_thrust(model)))
        self._barometer = int(model.sensor("barometer").adr[0])
        self._upwards = int(model.sensor("accelerometer").adr[0]) + 2
        self._step = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Start an episode; the same seed starts the same one."""
        super().reset(seed=seed)
        self._step = 0
        holds = math.ceil(self.steps / self.hold)
        self._set_points = self.np_random.uniform(_LOWEST, _HIGHEST, holds)
        self._distance = self.body.model.joint("z").qpos0[0]
        self._allocation.reset()
        self.body.reset(self.np_random)
        self._view.show()
        return self._observation(), {}

    @property
    def set_point(self) -> float:
        """Reference altitude now, m."""
        return float(self._set_points[min(self._step, self.steps - 1) // self.hold])

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Simulate one control period.

        Raises:
            ValueError: The action has not the shape (1,) or is not finite.
        """
        action = np.asarray(action)
        if action.shape != (1,) or not math.isfinite(action[0]):
            raise ValueError(f"expected an array of one finite number, got {action}")
        part = min(max(float(action[0]), -1.0), 1.0)
        self.body.step(self._allocation.step(part * FULL_COMMAND))
        self._step += 1
        terms = self._rewards()
        self._view.show()
        truncated = self._step >= self.steps
        return self._observation(), sum(terms.values()), False, truncated, dict(terms)

    def _rewards(self) -> dict[str, float]:
        """Terms of the reward, by name."""
        error = self.set_point - self.body.altitude
        return {"tracking_altitude": 1.0 / (1.0 + (error / _SCALE) ** 2)}

    def _observation(self) -> Array:
        if math.isfinite(self.body.distance):
            self._distance = self.body.distance
        elif self.body.distance == -math.inf:
            self._distance = LIDAR_MINIMUM
        data, opt = self.body.data, self.body.model.opt
        pressure = data.sensordata[self._barometer]
        altitude = (PRESSURE - pressure) / (opt.density * -opt.gravity[2])
        upwards = data.sensordata[self._upwards] + opt.gravity[2]
        return np.array([self._distance, self.set_point, altitude, upwards])

    def render(self) -> Any:
        """Picture of the present state, (height, width, 3) uint8, in the mode "rgb_array".

        Otherwise None: the viewer's window is brought up to date by ``reset`` and ``step``.

        Raises:
            ConfigurationError: MuJoCo can't render on this machine.
        """
        return self._view.picture()

    def close(self) -> None:
        """Release the renderer and the window."""
        self._view.close()
