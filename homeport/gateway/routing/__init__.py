"""Which deployment a request is for."""
