"""What nodes remember of their deployments, taken in and kept for a while."""
