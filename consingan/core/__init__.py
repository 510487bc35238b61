"""The engine: picture, pyramid, networks, stage loop, run folder; no mode and no CLI."""
