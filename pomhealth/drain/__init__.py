"""Takes the replica out of rotation, and waits for its connections to end."""
