"""Whether a fault that is not this replica's alone takes it out: the readiness policies."""
