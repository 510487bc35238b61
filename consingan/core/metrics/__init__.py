"""Figures that compare pictures with the one they were learned from; see `docs/metrics.md`."""
