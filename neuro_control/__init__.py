"""Biologically inspired robot controllers as ROS 2 nodes, simulated in MuJoCo.

Importing the package registers its Gymnasium environments under ``neuro_control/``.
"""

import gymnasium

# The environments count their own steps and check their own actions; Gymnasium's wrappers
# around each step would cost a tenth of the physics.
for _task in ("Swim", "Navigate"):
    gymnasium.register(
        id=f"neuro_control/Swimmer{_task}-v0",
        entry_point=f"neuro_control.swimmer.env:Swimmer{_task}",
        vector_entry_point=f"neuro_control.swimmer.env:swimmer_{_task.lower()}_vector",
        order_enforce=False,
        disable_env_checker=True,
    )

gymnasium.register(
    id="neuro_control/BlimpAltitude-v0",
    entry_point="neuro_control.blimp.env:BlimpAltitude",
    order_enforce=False,
    disable_env_checker=True,
)

gymnasium.register(
    id="neuro_control/QuadrupedCommand-v0",
    entry_point="neuro_control.quadruped.env:QuadrupedCommand",
    order_enforce=False,
    disable_env_checker=True,
)
