"""The terminal view of `pomhealth watch`: what stands on each line (pure), and the Textual application that shows it."""
