"""Inference traffic on the agent's side: tunnels in, the hold queue, replicas out."""
