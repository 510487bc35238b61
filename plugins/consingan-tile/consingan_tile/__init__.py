"""Seamless textures from one picture: a mode for consingan."""
