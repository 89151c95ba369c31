"""Lines, and the Macs whose daemons serve them: what there is, how it is, and how more is added."""
