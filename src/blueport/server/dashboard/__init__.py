"""Pages for people: what the server is doing right now."""
