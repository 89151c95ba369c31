"""The public API as tools for language models (MCP), within the limits that an operator sets."""
