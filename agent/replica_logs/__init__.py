"""What replicas printed before they failed, kept for those who ask later."""
