"""What the machine gives: devices, threads, free memory, files that are whole or not there."""
