"""Read receipts: marking chats as read, and listing who has read."""
