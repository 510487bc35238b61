"""What hears a training without taking part in it: the log, the previews, the console."""
