"""What users of the API do by the command line; it knows the Python SDK, and nothing of the server."""
