"""What each write means, and how things stand: functions over the store's transaction and the agents' reports."""
