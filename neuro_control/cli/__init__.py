"""The command ``neuro-control``: scenarios, options, reports and the frame of experiments."""
