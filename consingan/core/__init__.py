"""The engine: picture, pyramid, networks, stage loop, run folder. It imports neither modes nor CLI."""
