"""The durable truth: objects, their specs and statuses, numbered by `seq`."""
