"""What an agent says of its replica to the others, and under which id."""
