"""The REST API: typed routes from which routing and OpenAPI are both made."""
