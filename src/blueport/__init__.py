"""An open, self-hosted iMessage API for agents."""

__version__ = "0.1.0"
