"""The program on a Mac: claims outbox items, performs them in Messages, and tells the server what chat.db shows."""
