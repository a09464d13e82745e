"""What nodes remember of their deployments: starts, changes of scale, traffic."""
