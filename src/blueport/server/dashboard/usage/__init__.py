"""How much was received, sent and delivered, day by day."""
