"""What an agent may be ordered to do, from beside it."""

DRAIN, CANCEL = "drain", "cancel"  # to take the replica out of rotation, and to put it back
PASS, RELEASE = (
    "pass",
    "release",
)  # to let the replica be restarted, and not to hold up the others for it any more
