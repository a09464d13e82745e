"""Who may do what: roles, where they hold, and the decision. Pure."""
