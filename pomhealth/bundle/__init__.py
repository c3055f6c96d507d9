"""The support bundle: everything that helps whoever reads a bug report, in one archive, and nothing secret."""
