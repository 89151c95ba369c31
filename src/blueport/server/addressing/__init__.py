"""From and to: which line and which chat a request names, and whether it may be written to."""
