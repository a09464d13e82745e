"""When a silent node is suspect, disconnected, lost, and when it is ready again."""
