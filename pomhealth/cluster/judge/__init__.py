"""What follows from all rows of the registry together: each a pure judgement that a check of the cluster asks for.

Loaded only where the cluster view is on.
"""
