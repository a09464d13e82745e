"""The values of secrets: sealed where they are stored, and for each node that needs them."""
