"""What is checked: every check's words, gate and schedule, read from the TOML files beside this module."""

from pomhealth.catalogue.load import CURERS, Catalogue, Cause, Check, advice, catalogue, cause_of, steps
from pomhealth.catalogue.step import PLATFORMS, Names, Step

__all__ = [
    "CURERS",
    "PLATFORMS",
    "Catalogue",
    "Cause",
    "Check",
    "Names",
    "Step",
    "advice",
    "catalogue",
    "cause_of",
    "steps",
]
