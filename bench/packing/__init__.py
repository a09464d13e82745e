"""How much of a GPU fleet finds no use."""
