"""What plugins answer and hear: specifications, base classes, events, and the dispatcher.

The defaults are a plugin too, asked last.
"""
