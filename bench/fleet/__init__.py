"""A control plane with thousands of live nodes: `python -m bench.fleet`."""
