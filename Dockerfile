# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
# neuro_control on ROS 2 Jazzy, with the package's own environment in /opt/neuro_control/.venv.
#
#   docker build --tag neuro_control .
#   docker run --rm neuro_control
#   docker run --rm --network host neuro_control ros2 launch neuro_control quadruped.launch.xml
ARG ROS_DISTRO=jazzy
FROM ros:${ROS_DISTRO}
SHELL ["/bin/bash", "-c"]

# EGL and OSMesa draw the cameras where there is no screen.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends \
      git make python3-venv libegl1 libosmesa6 \
      ros-${ROS_DISTRO}-ros2launch ros-${ROS_DISTRO}-launch-xml ros-${ROS_DISTRO}-tf2-msgs \
      ros-${ROS_DISTRO}-teleop-twist-keyboard \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/neuro_control
COPY . .
RUN source /opt/ros/${ROS_DISTRO}/setup.bash && make .venv/.demo

# What an interactive shell and a command of `docker run` find: ROS 2, then this package.
RUN printf '%s\n' '#!/bin/bash' 'set -e' "source /opt/ros/${ROS_DISTRO}/setup.bash" \
      'export AMENT_PREFIX_PATH=/opt/neuro_control/.venv:$AMENT_PREFIX_PATH' \
      'export PATH=/opt/neuro_control/.venv/bin:$PATH' 'exec "$@"' > /neuro_control.sh \
 && chmod +x /neuro_control.sh
ENTRYPOINT ["/neuro_control.sh"]
CMD ["neuro-control", "run", "swimmer"]
