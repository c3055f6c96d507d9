"""Five hundred readers of the agent at once, while faults come and go: what /readyz pays for them, and what they get."""
