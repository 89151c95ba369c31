"""The daemon's memory across restarts: its own SQLite file, which one process holds at a time."""
