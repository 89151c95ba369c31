"""Tries deliveries, again and again, until a receiver takes them or its time is up."""
