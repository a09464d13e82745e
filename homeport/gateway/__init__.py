"""The front door for inference: HTTP in, tunnels out."""
