"""Secrets of replicas: sealed on the disk, opened when one starts."""
