"""Logs that cannot leak: a fixed event name, fields from one allow list, and of an error its type and its frames."""
