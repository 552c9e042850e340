"""Benchmarks: each compares a job with the least that any program must do for it, in the same run, in turns."""
