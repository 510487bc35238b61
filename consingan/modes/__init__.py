"""The built-in modes: one file each, loaded through the same entry points as a stranger's."""
