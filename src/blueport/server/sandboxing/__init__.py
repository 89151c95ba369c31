"""The shared line: which phone is whose there, and how much an account may send to it."""
