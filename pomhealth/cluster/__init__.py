"""The cluster: what every agent says of its replica, kept in one PostgreSQL, and what follows from all of it."""
