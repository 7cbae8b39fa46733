"""Places: ensembles of spiking experts that say where the robot is, from one image."""
