"""What is not well on this host, and what it is given meanwhile."""
