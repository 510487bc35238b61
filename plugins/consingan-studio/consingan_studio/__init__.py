"""The command `studio` for consingan: a page on which you train, paint, watch and pick."""
