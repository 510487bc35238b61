"""Generator and critic, and how to compute a window of the picture alone.

Here are the layers, the stage sizes, the plan of what a window needs from each stage, and seeded
noise that can be drawn in any order.
"""
