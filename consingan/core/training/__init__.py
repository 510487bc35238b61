"""From options to a trained run.

The loop over stages, the trainer of one stage with its losses, checkpoints, the guard against
divergence, and the forecast of time and memory.
"""
