"""The registry: its tables in PostgreSQL, the session with it, the own row in it, and what was read of the others."""
