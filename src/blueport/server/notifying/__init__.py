"""Webhooks: events become deliveries, deliveries are tried until a receiver takes them."""
