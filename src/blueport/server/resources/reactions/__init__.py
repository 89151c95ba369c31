"""Reactions: putting them on messages, and listing those that stand."""
