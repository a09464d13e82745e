"""Where revisions may run."""
