"""What replicas are seen to do, for deployments that are scaled by it."""
