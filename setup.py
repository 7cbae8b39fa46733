# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Build description; every static field stands in setup.cfg.

What a ROS 2 tool looks for lies outside the Python package, in the share and lib folders of
the prefix, so it is shipped as data files: pip and colcon both honour them.
"""

from glob import glob

from setuptools import setup

SHARE = "share/neuro_control"

setup(
    # colcon reads this as a literal; from setup.cfg it would come as an object, and fail there.
    python_requires=">=3.10",
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/neuro_control"]),
        (SHARE, ["package.xml"]),
        (f"{SHARE}/launch", sorted(glob("launch/*.launch.*"))),
        (f"{SHARE}/config", sorted(glob("config/*.*"))),
        (f"{SHARE}/config/foxglove", sorted(glob("config/foxglove/*.json"))),
        (f"{SHARE}/config/rviz", sorted(glob("config/rviz/*.rviz"))),
        (f"{SHARE}/config/security", sorted(glob("config/security/*.xml"))),
        (f"{SHARE}/config/security/common", sorted(glob("config/security/common/*.xml"))),
        (f"{SHARE}/config/policies", sorted(glob("config/policies/*.*"))),
        (f"{SHARE}/config/systemd", sorted(glob("config/systemd/*.service"))),
        (f"{SHARE}/config/weights", sorted(glob("config/weights/*.safetensors"))),
        (f"{SHARE}/config/urdf", sorted(glob("config/urdf/*.urdf"))),
        # What `neuro-control experiment claims` judges by.
        *(
            (f"{SHARE}/docs/results/{robot}", sorted(glob(f"docs/results/{robot}/*.csv")))
            for robot in ("blimp", "places", "quadruped", "swimmer")
        ),
        (f"{SHARE}/sim", sorted(glob("sim/*.*"))),
        # `ros2 run` and launch look for executables here and nowhere else.
        ("lib/neuro_control", sorted(glob("bin/*"))),
    ],
)
