"""What this agent tells its own host: over a unix socket, to whoever may open that."""
