"""Control law: arrays in, arrays out; no ROS, MuJoCo or Gymnasium."""
