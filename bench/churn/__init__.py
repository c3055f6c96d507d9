"""Churn that harms no user: does the agent cry wolf? `python -m bench.churn`."""
