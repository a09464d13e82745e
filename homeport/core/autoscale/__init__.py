"""How many replicas an agent runs, inside the budget that it was granted."""
