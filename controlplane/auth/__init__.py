"""Who may talk to the control plane: access tokens, join tokens, the internal CA."""
