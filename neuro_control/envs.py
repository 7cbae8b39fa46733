# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Gymnasium environments of every folder, registered under ``neuro_control/``.

Gymnasium has had no plug-in system since release 1.0: either this module is imported first, or its
name goes before the environment's, ``gymnasium.make("neuro_control.envs:neuro_control/…")``.
"""

from gymnasium.envs import registration

from neuro_control.folders import folders

for _folder in folders():
    for _name, _environment in getattr(_folder, "ENVIRONMENTS", {}).items():
        # The environments count their own steps and check their own actions; Gymnasium's wrappers
        # around each step would cost a tenth of the physics.
        registration.register(
            id=f"neuro_control/{_name}",
            entry_point=_environment.entry_point,
            vector_entry_point=_environment.vector_entry_point,
            order_enforce=False,
            disable_env_checker=True,
        )
