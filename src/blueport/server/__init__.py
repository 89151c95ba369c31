"""API, webhook dispatcher, status page and the door that daemons knock at."""
