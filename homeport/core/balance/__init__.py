"""Which of several takes the next request."""
