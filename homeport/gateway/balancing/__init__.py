"""Which revision and which node a request goes to."""
