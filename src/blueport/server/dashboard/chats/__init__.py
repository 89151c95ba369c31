"""Conversations: who wrote with which line, and each as Messages shows it."""
