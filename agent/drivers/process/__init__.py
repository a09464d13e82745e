"""Replicas as plain processes of the host, each in a session of its own; under systemd, in a unit of its own."""
