"""How long a test waits for what has to come: no slow machine fails it, and a hang is told."""

PATIENCE_S = 60
