"""The executor `ray` of `consingan batch`: `executor` has it, `task` runs on the cluster's nodes.

`folders` sends pictures and run folders to nodes that don't see this machine's, and back.
"""
