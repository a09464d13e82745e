"""What Homeport adds to a start from zero."""
