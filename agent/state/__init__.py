"""What the agent keeps on disk: who it is, what it was asked to run, what it has started."""
