"""The grammar of all endpoints: decode, authorise, one transaction, envelope, pages."""
