"""Rolling restarts of two replicas behind a real load balancer, under load: which requests fail."""
