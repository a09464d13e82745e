"""Families of metrics, and the page that they are told on."""
