"""Altitude control of a blimp: a PID, and the spiking networks that do its work."""
