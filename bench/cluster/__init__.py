"""The cluster's registry: what it costs PostgreSQL, and how soon it tells."""
