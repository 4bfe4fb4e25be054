"""Vendors of the benchmarks: generated markets."""
