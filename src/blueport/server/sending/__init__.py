"""The outbox: work accepted with a 201, in the order of each line, until it ends sent or failed."""
