"""Metrics: how close samples are to the picture, how varied they are, how well it is rebuilt."""
