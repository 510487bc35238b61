"""Code that several built-in modes share."""
