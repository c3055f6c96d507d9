"""`pomhealth watch`: agents followed live, as a terminal view or as lines. Textual is loaded by `watch.view` alone."""
