"""The manual pages, made from the commands' own help and the table of the settings. The project keeps them in man/."""
