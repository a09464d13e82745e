"""Sites that serve their own clients: which nodes have a local gateway, and what each is told."""
