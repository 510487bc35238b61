"""Training a run.

Here are the creation of a run, the loop over stages, the trainer of one stage with its losses,
checkpoints, the detection of divergence, and the forecast of time and memory.
"""
