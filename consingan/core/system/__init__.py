"""The machine: devices, threads, free memory, and atomic file writes."""
