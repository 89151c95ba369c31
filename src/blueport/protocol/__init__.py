"""What server and daemon say to each other: frozen Structs, no I/O; unknown fields are refused by both."""
