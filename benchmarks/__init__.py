"""Benchmarks: ratios in one run, on one machine, beside something that everybody can judge."""
