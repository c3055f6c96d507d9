"""Benchmarks: each beside its peer, both in one run on one machine. Run them with `make bench`."""
