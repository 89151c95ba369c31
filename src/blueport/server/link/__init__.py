"""The door that daemons knock at: /daemon/v1."""
