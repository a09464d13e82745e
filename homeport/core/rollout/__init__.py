"""Revisions of one deployment side by side, and how traffic goes from one to the other."""
