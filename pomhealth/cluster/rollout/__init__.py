"""One restart at a time: whether the cluster can spare a replica, and the lease that says whose turn it is."""
