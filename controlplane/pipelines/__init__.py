"""Loops that bring the store's objects in line with each other: load, decide with homeport.core, apply."""
