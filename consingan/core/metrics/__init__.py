"""Figures: how close samples are to the picture, how varied, how well it is rebuilt."""
