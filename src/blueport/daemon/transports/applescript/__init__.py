"""Sending through Messages by AppleScript: plain text into chats, on any macOS, with nothing but its permission."""
