"""What things are called whose ids a page comes across."""
