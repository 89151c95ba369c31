"""Tells Prometheus how it goes: /metrics."""
