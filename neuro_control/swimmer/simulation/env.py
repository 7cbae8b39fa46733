# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""The swimmer as a Gymnasium environment: swim forwards, or swim to a target."""

from __future__ import annotations

from typing import Any

import gymnasium
import mujoco
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from neuro_control.simulation.effects import Description
from neuro_control.simulation.viewing import RENDER_MODES, Camera, View
from neuro_control.simulation.world import World
from neuro_control.swimmer.control.types import CONTROL_PERIOD
from neuro_control.swimmer.simulation.model import angle_slice, velocity_addresses
from neuro_control.swimmer.simulation.tasks import (
    REWARDED_SPEED,
    STEPS,
    TARGET_RADIUS,
    navigate,
    swim,
    target_reward,
)

Array = NDArray[np.float64]


class Body:
    """One swimmer's physics: the model, its data, and views on what a step reads and writes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.model = world.model
        self.data = mujoco.MjData(world.model)
        self.substeps = world.substeps(world.control_period)
        self.joints = self.model.nu
        self.torque = self.model.actuator_ctrlrange[:, 1].copy()
        self.angles = self.data.sensordata[angle_slice(self.model)]
        self.sensors = self.data.sensordata
        self.velocities = velocity_addresses(self.model)
        self.head_speed = int(self.model.sensor("velocity_0").adr[0]) + 1


class _Swimmer(gymnasium.Env[Array, Array]):
    """What the environments of both tasks share: body, spaces, rendering."""

    metadata = {  # noqa: RUF012  # as Gymnasium declares it
        "render_modes": list(RENDER_MODES),
        "render_fps": round(1 / CONTROL_PERIOD),
    }
    target_size = 0  # numbers of the observation that locate a target
    term = ""  # name of the reward's only term

    def __init__(
        self,
        links: int = 6,
        render_mode: str | None = None,
        width: int = 480,
        height: int = 360,
        camera: str = "above",
        effects: Description = (),
    ) -> None:
        self.body = Body(self._world(links).with_effects(effects))
        self.render_mode = render_mode
        model = self.body.model
        self._view = View(
            render_mode, model, self.body.data, lambda: Camera(model, camera, height, width)
        )
        self._observation_size = observation_size(self.body.joints, self.target_size)
        self.observation_space = box(-np.inf, np.inf, self._observation_size)
        self.action_space = box(-1.0, 1.0, self.body.joints)
        self._steps = 0
        self._action_shape = (self.body.joints,)

    @staticmethod
    def _world(links: int) -> World:
        raise NotImplementedError

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Start an episode; the same seed starts the same one."""
        super().reset(seed=seed)
        self.effects = self.body.world.reset(self.body.data, self.np_random)
        self._steps = 0
        self._view.show()
        return self._observation(), {}

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Advance by one control period.

        Raises:
            ValueError: The action has not the shape (n,). Numbers that are not finite move
                nothing: MuJoCo sets all torques to zero.
        """
        if getattr(action, "shape", None) != self._action_shape:
            raise ValueError(
                f"expected an array of {self.body.joints} torques, got {np.shape(action)}"
            )
        # Speed matters below: all of it costs a fourteenth of the physics.
        body = self.body
        body.world.step(body.data, self.effects, action * body.torque, body.substeps)
        self._steps += 1
        if self.render_mode == "human":
            self._view.show()
        reward = self._reward()
        info = {self.term: reward}
        return self._observation(), reward, False, self._steps >= STEPS, info

    def _observation(self) -> Array:
        body = self.body
        observation = np.empty(self._observation_size)
        observation[: body.joints] = body.angles
        observation[body.joints + self.target_size :] = body.sensors.take(body.velocities)
        return observation

    def _reward(self) -> float:
        raise NotImplementedError

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


def observation_size(joints: int, target_size: int) -> int:
    """How many numbers an observation of a body of ``joints`` joints holds."""
    return joints + target_size + 3 * (joints + 1)


def box(low: float, high: float, size: int) -> Any:
    """Space of arrays (size,) of 64 bits."""
    # 64 bits throughout: a run through ROS, whose messages carry 64, is then the same to the bit.
    return spaces.Box(low, high, (size,), np.float64)


class SwimmerSwim(_Swimmer):
    """Swim forwards, ``neuro_control/SwimmerSwim-v0``.

    ## Action space

    ``Box(-1, 1, (n,), float64)`` for n joints, one fewer than links: normalised torques from head
    to tail. A larger action is cut off at the bounds.

    | Num | Action | Min | Max | Joint | Full torque |
    | --- | --- | --- | --- | --- | --- |
    | i = 0 … n-1 | torque of the joint behind link i | -1 | 1 | ``joint_{i+1}`` | 5e-4 N m |

    ## Observation space

    ``Box(-inf, inf, (4n + 3,), float64)``. The velocities of each link are in its own frame, whose
    -y axis points forwards; links are counted from the head.

    | Num | Observation | Min | Max | Sensor | Unit |
    | --- | --- | --- | --- | --- | --- |
    | 0 … n-1 | angles of the joints, in the action's order | -inf | inf | ``angle_{i+1}`` | rad |
    | n+3k | velocity of link k along its x axis | -inf | inf | ``velocity_{k}`` | m/s |
    | n+3k+1 | velocity of link k along its y axis | -inf | inf | ``velocity_{k}`` | m/s |
    | n+3k+2 | yaw rate of link k | -inf | inf | ``gyro_{k}`` | rad/s |

    ## Rewards

    The reward is ``reward_forward``, between 0 and 1; ``info`` holds it by that name.

    - *reward_forward*: the head's forward speed over 0.1 m/s, cut off at 0 and 1.

    ## Starting state

    The body is at rest at the origin, with a heading and joint angles drawn uniformly over their
    ranges; a joint turns by 360°/links to either side.

    ## Episode end

    It never terminates and is truncated after 30 s, 1000 steps.

    Args:
        links: Links of the body, 3 to 100; one more than joints.
        render_mode: None, "human" (MuJoCo's viewer) or "rgb_array".
        width: Width of the picture, pixels.
        height: Height of the picture, pixels.
        camera: Camera of the picture, "above" or "side".
        effects: Noise, faults, pushes and the like, as ``effects.parse`` takes them.

    Raises:
        ConfigurationError: An argument is out of range.
    """

    term = "reward_forward"

    @staticmethod
    def _world(links: int) -> World:
        return swim(links)

    def _reward(self) -> float:
        # swim_reward on one number, in plain Python: NumPy's clip costs a twentieth of the physics.
        reward = -float(self.effects.unaffected[self.body.head_speed]) / REWARDED_SPEED
        return min(max(reward, 0.0), 1.0)


class SwimmerNavigate(_Swimmer):
    """Swim to a target, ``neuro_control/SwimmerNavigate-v0``.

    Arguments, action, episode end and the body's start are those of ``SwimmerSwim``.

    ## Observation space

    ``Box(-inf, inf, (4n + 5,), float64)`` for n joints.

    | Num | Observation | Min | Max | Sensor | Unit |
    | --- | --- | --- | --- | --- | --- |
    | 0 … n-1 | angles of the joints, from head to tail | -inf | inf | ``angle_{i+1}`` | rad |
    | n, n+1 | way from the nose to the target along x and y of the head | -inf | inf | - | m |
    | n+2 … 4n+4 | velocities of the links, as in ``SwimmerSwim`` | -inf | inf | see there | |

    ## Rewards

    The reward is ``reward_distance``, between 0 and 1; ``info`` holds it by that name.

    - *reward_distance*: 1 where the nose is within the target's radius of 0.1 m, and
      1 / (1 + 9 (d / 0.5 m)²) at the distance d from the target's surface beyond.

    ## Starting state

    The target is drawn uniformly from a square of ±2 m about the origin, in one of five episodes
    of ±0.3 m.
    """

    target_size = 2
    term = "reward_distance"

    @staticmethod
    def _world(links: int) -> World:
        return navigate(links)

    def to_target(self) -> Array:
        """Way from the nose to the target in the head's frame, (2,), m."""
        data = self.body.data
        way = data.geom("target").xpos - data.geom("nose").xpos
        local: Array = way @ data.body("link_0").xmat.reshape(3, 3)
        return local[:2]

    def _observation(self) -> Array:
        observation = super()._observation()
        joints = self.body.joints
        observation[joints : joints + 2] = self.to_target()
        return observation

    def _reward(self) -> float:
        return float(target_reward(self.to_target(), TARGET_RADIUS))
