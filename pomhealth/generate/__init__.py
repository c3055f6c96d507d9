"""The supervisors' files: templates, the values that stand in them, and where each value comes from."""
