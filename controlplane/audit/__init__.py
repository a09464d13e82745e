"""Who has changed what, or was not allowed to."""
