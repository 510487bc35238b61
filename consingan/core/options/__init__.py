"""Typed settings: options, presets and picture sizes. Imports no torch."""
