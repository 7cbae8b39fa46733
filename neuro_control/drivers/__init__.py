"""Real hardware behind the topics that the simulation offers: a lidar, motors and a servo."""
