"""Certificates: where a replica's stand, what is in them, which Envoy serves, and what that means for users."""
