"""The page of whoever is signed in: where else they are, and their password."""
