"""The first page: whether all is well."""
