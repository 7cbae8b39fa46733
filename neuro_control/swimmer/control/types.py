# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Constants of the swimmer that control laws, nodes and simulation share.

An observation holds the joint angles from head to tail, (n,), in rad, in the convention of the
model: above zero bends to the dorsal side. An action holds normalised torques of the same joints,
(n,), in [-1, 1]; 1 is ``MAX_TORQUE``. A body of n joints has n + 1 links.
"""

from __future__ import annotations

CONTROL_PERIOD = 0.03  # s, time between two control steps
MAX_TORQUE = 5e-4  # N·m, torque of a joint at full action
MIN_LINKS, MAX_LINKS = 3, 100
