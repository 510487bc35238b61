"""Hooks: their specifications, the base classes of plugins, events, and the dispatcher.

The default implementations are a plugin too; it is called last.
"""
