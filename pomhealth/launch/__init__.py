"""`pomhealth run -- COMMAND…`: a container that holds the replica and the agent, and its first process.

`start` turns the command line into that process, `parent` is it, `conduct` decides what it does. It lives as long as the
container, so `parent` and `conduct` import built-in modules only.
"""
