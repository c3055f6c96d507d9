"""The report that `pomhealth check` prints, and the words of the catalogue for a terminal. Pure: values in, text out."""
