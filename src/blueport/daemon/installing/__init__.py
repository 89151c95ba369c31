"""Has a Mac start the daemon by itself: what is written for that, where, and what launchd is told."""
