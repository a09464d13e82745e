"""Many requests over one connection that the agent opened: frames, credit, multiplexing (docs/protocol.md)."""
