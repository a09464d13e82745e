"""Traffic of the past run against a policy: what it would have cost, and who would have waited."""
