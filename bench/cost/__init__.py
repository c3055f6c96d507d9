"""What the command and the agent cost: time, CPU, memory, beside their peers."""
