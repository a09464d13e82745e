"""How many replicas run on this node, and which: within its budgets, its room, and what may not run here at all."""
