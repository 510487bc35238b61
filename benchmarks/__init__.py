"""Measurements: parity with the published code, and timings against it."""
