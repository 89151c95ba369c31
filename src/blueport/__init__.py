"""An open, self-hosted iMessage API for agents."""
