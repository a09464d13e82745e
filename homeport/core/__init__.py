"""Domain types and decisions. No I/O, no clock, no randomness of its own: `now` and `rng` come in as arguments."""
