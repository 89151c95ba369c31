"""API, webhook dispatcher, dashboard, documentation and the door that daemons knock at."""
