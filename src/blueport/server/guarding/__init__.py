"""What keeps agents from going on where they should stop: people who opted out, bots that answer each other."""
