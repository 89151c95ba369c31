"""What the operator does at the command line: accounts, keys, lines, daemons, and the log of it."""
