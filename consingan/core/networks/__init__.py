"""The local networks, and what they compute for a window of the picture.

Generator and critic with their layers and sizes, the plan of what a window needs of each stage, and
noise of which every number has an address.
"""
