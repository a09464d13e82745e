"""Limits of access tokens: what each gateway may admit by itself, leased from one place that keeps the sum."""
