"""Picture files and tensors: reading, resizing, masks, contact sheets, and writing.

Only this package opens or writes picture files.
"""
