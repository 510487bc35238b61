"""Pictures between files and tensors: reading, resizing, masks, and writing of all kinds.

Nothing outside this room opens or writes a picture file.
"""
