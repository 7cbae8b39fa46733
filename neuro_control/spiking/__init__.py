"""Spiking neurons, synapses and encoders as pure functions on arrays: state in, state out."""
