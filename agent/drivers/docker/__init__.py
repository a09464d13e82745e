"""Replicas as containers, by the API that Docker and Podman share."""
