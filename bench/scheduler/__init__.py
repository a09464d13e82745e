"""How fast the scheduler decides, and how fast a decision reaches its agent."""
