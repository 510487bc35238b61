"""The engine, without modes and command line.

Its rooms, each of which imports only those before it: options, system, networks, pictures, metrics,
sampling, runs, hooks, run.py, training.
"""
