"""Deliveries: what webhooks were sent, try by try; replays and tests."""
