"""Enlarges one picture with detail learned from itself: a mode for consingan."""
