"""Shows a person, or a program, what an agent says of its cluster."""
