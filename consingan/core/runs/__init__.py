"""The run folder on disk: records, tensor files, stored inputs, finding, locking, repair.

This package doesn't know modes or hooks; its callers parse the run's options.
"""
