"""A gateway on a host of its own: `homeport-server --role gateway`."""
