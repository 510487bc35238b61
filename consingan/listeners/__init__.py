"""The built-in listeners: the log, the previews, and the progress on the terminal."""
