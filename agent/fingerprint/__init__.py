"""What this host has. One probe per file; gather.py puts them together."""
