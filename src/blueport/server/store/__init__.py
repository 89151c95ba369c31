"""Tables, units of work and the databases that run them; no engine above knows which database it is."""
