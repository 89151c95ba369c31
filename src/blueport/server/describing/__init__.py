"""What the API says of itself: the OpenAPI document, the codes of errors, and the texts for agents who build on it."""
