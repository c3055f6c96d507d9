"""Which releases of Pomerium there are: their numbers, where they are told of, and what is kept of that."""
