"""What may be dialled in a customer's name: judged at the URL, at the name, and at the socket."""
