"""Alembic's scripts. A released migration is never edited; a new one is `versions/NNNN_what.py`."""
