# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Quadruped as a Gymnasium environment: walk as commanded, by the torques of twelve joints."""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import Command, gait
from neuro_control.quadruped.control.robots import find_robot
from neuro_control.quadruped.control.types import JOINTS, PERIOD
from neuro_control.quadruped.simulation.body import Body, world
from neuro_control.quadruped.simulation.camera import Camera
from neuro_control.simulation.effects import Description
from neuro_control.simulation.viewing import RENDER_MODES, View

Array = NDArray[np.float64]

CAMERAS = ("beside", "head")
# Share of the reward and scale of the error e, which earns exp(-(e / scale)²): m/s and rad/s.
_VELOCITY_SHARE, _VELOCITY_SCALE = 2 / 3, 0.5
_YAW_RATE_SHARE, _YAW_RATE_SCALE = 1 / 3, 0.5
_EPISODE, _HOLD = 20.0, 5.0  # s
# Velocities (m/s, m/s, rad/s) and frequency (Hz) that a command is drawn from.
_LOWEST, _HIGHEST = (-0.5, -0.3, -1.0, 2.0), (1.5, 0.3, 1.0, 4.0)


class QuadrupedCommand(gymnasium.Env[Array, Array]):
    """Walk as commanded, ``neuro_control/QuadrupedCommand-v0``.

    ## Action space

    ``Box(-1, 1, (12,), float64)``: torques as a part of each motor's largest. A larger action is
    cut off at the bounds.

    | Num | Action | Min | Max | Joint | Full torque, Go2 (Go1) |
    | --- | --- | --- | --- | --- | --- |
    | 0, 3, 6, 9 | torque at the hip of FL, FR, RL, RR | -1 | 1 | ``{leg}_hip_joint`` | 23.7 N m |
    | 1, 4, 7, 10 | torque at the thigh of FL, FR, RL, RR | -1 | 1 | ``{leg}_thigh_joint`` | 23.7 N m |
    | 2, 5, 8, 11 | torque at the calf of FL, FR, RL, RR | -1 | 1 | ``{leg}_calf_joint`` | 45.43 (35.55) N m |

    ## Observation space

    ``Box(-inf, inf, (49,), float64)``: measurements with the sensors' noise, then the command.

    | Num | Observation | Min | Max | Sensor | Unit |
    | --- | --- | --- | --- | --- | --- |
    | 0-2 | angular velocity of the trunk about x, y, z | -inf | inf | ``gyro`` | rad/s |
    | 3-5 | acceleration of the IMU along x, y, z, the reaction to gravity included | -inf | inf | ``accelerometer`` | m/s² |
    | 6-17 | angles of the joints, in the action's order | -inf | inf | ``{joint}_angle`` | rad |
    | 18-29 | speeds of the joints | -inf | inf | ``{joint}_speed`` | rad/s |
    | 30-33 | forces on the feet FL, FR, RL, RR | -inf | inf | ``{leg}_force`` | N |
    | 34-48 | the fifteen numbers of ``control.command.Command``, in its order | -inf | inf | - | as there |

    ## Rewards

    The reward is ``tracking_velocity + tracking_yaw_rate``, 1 at most; ``info`` holds both terms.

    - *tracking_velocity*: 2/3 exp(-(e / 0.5 m/s)²), where e is the error of the horizontal velocity.
    - *tracking_yaw_rate*: 1/3 exp(-(e / 0.5 rad/s)²), where e is the error of the yaw rate.

    ## Starting state

    The robot stands (or as ``start`` says), each joint within ±0.03 rad of its nominal angle. Unless
    a command is given, it is a trot whose velocities and frequency are drawn anew every 5 s: forward
    -0.5 to 1.5 m/s, left -0.3 to 0.3 m/s, yaw rate -1 to 1 rad/s, 2 to 4 Hz.

    ## Episode end

    It terminates when the trunk leans by more than 60° and is truncated after 20 s, 10,000 steps.

    Args:
        robot: go2 or go1.
        terrain: flat, rough, slope or stairs.
        command: Command that holds for whole episodes.
        render_mode: None, "human" (MuJoCo's viewer) or "rgb_array".
        width: Width of the picture, pixels.
        height: Height of the picture, pixels.
        camera: Camera of the picture: "beside", for people; or "head", as the robot sees, without
            its own meshes.
        effects: Noise, faults, pushes and the like, as ``effects.parse`` takes them.
        world_arguments: Further arguments of ``body.world``: start, noise, friction and so on.

    Raises:
        ConfigurationError: An argument is out of range.
    """  # noqa: E501  # the tables' rows

    metadata = {  # noqa: RUF012  # as Gymnasium declares it
        "render_modes": list(RENDER_MODES),
        "render_fps": round(1 / PERIOD),
    }
    steps = round(_EPISODE / PERIOD)
    hold = round(_HOLD / PERIOD)  # steps for which a command holds

    def __init__(
        self,
        robot: str = "go2",
        terrain: str = "flat",
        command: Command | None = None,
        render_mode: str | None = None,
        width: int = 480,
        height: int = 360,
        camera: str = "beside",
        effects: Description = (),
        **world_arguments: Any,
    ) -> None:
        if camera not in CAMERAS:
            raise ConfigurationError(f"camera is 'beside' or 'head', not {camera!r}")
        for_people = render_mode == "human" or (render_mode is not None and camera == "beside")
        surroundings = world(robot, terrain, **{"meshes": for_people, **world_arguments})
        self.body = Body(surroundings.with_effects(effects))
        self.render_mode = render_mode
        self.robot = robot
        model, data = self.body.model, self.body.data
        self._view = View(render_mode, model, data, lambda: Camera(model, camera, height, width))
        self._torque = np.tile(find_robot(robot).torque, 4)
        self._given = command
        self.observation_space = spaces.Box(-np.inf, np.inf, (49,), np.float64)
        self.action_space = spaces.Box(-1.0, 1.0, (len(JOINTS),), np.float64)
        self._step = 0
        self.command = command or Command()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Start an episode; the same seed starts the same one."""
        super().reset(seed=seed)
        self._step = 0
        self._draw_command()
        self.body.reset(self.np_random)
        self._view.show()
        return self._observation(), {}

    def _draw_command(self) -> None:
        if self._given is None:
            forward, left, yaw_rate, frequency = self.np_random.uniform(_LOWEST, _HIGHEST)
            self.command = gait(
                "trot", forward=forward, left=left, yaw_rate=yaw_rate, frequency=frequency
            )

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Simulate one control period.

        Raises:
            ValueError: The action has not the shape (12,) or is not finite.
        """
        action = np.asarray(action, dtype=np.float64)
        if action.shape != (len(JOINTS),) or not np.isfinite(action).all():
            raise ValueError(f"expected an array of 12 finite numbers, got {action}")
        self.body.step(np.clip(action, -1.0, 1.0) * self._torque)
        self._step += 1
        terms = self._rewards()
        if self._step % self.hold == 0:
            self._draw_command()
        self._view.show()
        truncated = self._step >= self.steps
        return self._observation(), sum(terms.values()), self.body.fallen, truncated, dict(terms)

    def _rewards(self) -> dict[str, float]:
        """Terms of the reward, by name."""
        velocity, command = self.body.velocity, self.command
        missed = math.hypot(velocity[0] - command.forward, velocity[1] - command.left)
        turned = self.body.yaw_rate - command.yaw_rate
        return {
            "tracking_velocity": math.exp(-((missed / _VELOCITY_SCALE) ** 2)) * _VELOCITY_SHARE,
            "tracking_yaw_rate": math.exp(-((turned / _YAW_RATE_SCALE) ** 2)) * _YAW_RATE_SHARE,
        }

    def _observation(self) -> Array:
        return np.concatenate([*self.body.observation, self.command.array()])

    def render(self) -> Any:
        """Picture of the present state, (height, width, 3) uint8, in the mode "rgb_array".

        Otherwise None: the viewer's window is brought up to date by ``reset`` and ``step``.

        Raises:
            ConfigurationError: MuJoCo can't render on this machine.
        """
        return self._view.picture()

    def close(self) -> None:
        """Release the camera and the window."""
        self._view.close()
