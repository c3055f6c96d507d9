"""What is checked: every check's words, gate and schedule, read from the TOML files beside this module."""

from pomhealth.catalogue.load import Catalogue, Cause, Check, Step, catalogue, steps

__all__ = ["Catalogue", "Cause", "Check", "Step", "catalogue", "steps"]
