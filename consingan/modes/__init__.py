"""The built-in modes, one file each. They are loaded by entry points, as plugins are."""
