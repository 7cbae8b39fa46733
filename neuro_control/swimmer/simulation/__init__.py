"""Model, body and environment; no ROS."""
