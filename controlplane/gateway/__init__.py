"""Gateways of the control plane: processes of their own, which go on relaying while the control plane is away."""
