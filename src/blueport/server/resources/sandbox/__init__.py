"""The sandbox: how an account stands on the shared line."""
