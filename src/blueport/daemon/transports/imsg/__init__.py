"""Sending through `imsg rpc`, a program that can do in Messages what AppleScript cannot."""
