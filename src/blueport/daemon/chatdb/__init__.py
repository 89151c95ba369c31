"""Reading the database of Messages: never in its way, whatever its release, and whatever it holds."""
