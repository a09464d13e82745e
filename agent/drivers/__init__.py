"""Adapters to what can run a replica on this host. Each passes tests/conformance/test_driver.py."""
