"""Who is let in, how they come in, and which forms are believed."""
