"""ROS 2 nodes; no MuJoCo."""
