"""The mode `superres` for consingan: enlarges a picture with detail learned from itself."""
