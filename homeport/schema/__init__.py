"""API objects and the YAML vocabulary, shared by API, SDK and CLI."""
