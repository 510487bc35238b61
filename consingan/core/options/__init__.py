"""Typed settings without torch: options, presets, and a picture's size."""
