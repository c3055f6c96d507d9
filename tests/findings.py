"""An observation for findings whose evidence does not matter to the test."""

from pomhealth.status import Evidence

SEEN = Evidence("a look", "this", "that")
