"""The engine, without modes and command line.

Its parts are options, system, networks, pictures, metrics, sampling, runs, hooks, run.py and
training. Each imports only those before it in this list.
"""
