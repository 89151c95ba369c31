"""Bytes of files: a folder or a bucket, and the names, kinds and links under which they come and go."""
