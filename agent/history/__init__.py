"""What this node remembers of its deployments, until the control plane has it."""
