"""The `blueport` command, one module a verb."""
