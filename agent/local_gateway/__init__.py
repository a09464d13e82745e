"""The gateway of a site: on a node, for clients beside it, whether the control plane is there or not."""
