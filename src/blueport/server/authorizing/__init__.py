"""Who calls, and what that key may do: keys, scopes, lines, limits."""
