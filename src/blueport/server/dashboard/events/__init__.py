"""Events: what happened, and whom it was told."""
