"""Removes an object from one picture and fills the hole from the rest: a mode for consingan."""
