"""Webhooks: where events are posted, how their receivers are, and what is done about it."""
