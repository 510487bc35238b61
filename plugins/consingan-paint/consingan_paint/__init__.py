"""A clip-art sketch comes out in a photo's texture: a mode for consingan."""
