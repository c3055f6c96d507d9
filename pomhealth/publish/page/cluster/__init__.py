"""The page of the cluster: a row for each replica, the verdict over all of them, and what is to be done."""
