"""The log of what happened: events in the order in which they may be read, for as long as they are kept."""
