"""A Mac that is not there: a real chat.db, stand-ins for its executables, and people with phones."""
