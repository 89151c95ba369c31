"""Webhooks: creating, listing and deleting them."""
