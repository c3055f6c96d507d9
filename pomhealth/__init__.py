"""pomhealth measures the health of a Pomerium replica from beside it."""

__version__ = "0.1.0"
