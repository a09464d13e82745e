"""Who runs on a node where several deployments want the same CPU, memory and devices."""
