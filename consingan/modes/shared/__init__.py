"""What several of the built-in modes share."""
