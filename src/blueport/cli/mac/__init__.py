"""What `blueport daemon` can do on a Mac, one module a word."""
