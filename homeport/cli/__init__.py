"""The `homeport` command. Modules load their libraries inside functions: help and usage errors must be instant."""
