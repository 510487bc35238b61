"""The run folder on disk: records, tensor files, stored inputs, finding, locking, repair.

It knows no hooks: whoever knows the mode gives it the run's options.
"""
