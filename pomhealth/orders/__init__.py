"""Orders from beside the agent: the socket that takes them, and how one is given."""
