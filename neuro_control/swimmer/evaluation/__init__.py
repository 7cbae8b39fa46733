"""Rollout, metrics, experiments, figures and benchmark."""
