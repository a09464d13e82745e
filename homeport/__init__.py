"""The library that control plane, agent, CLI and SDK share."""

__version__ = "0.1.0"
