"""What is asked of Blueport: the same of every store, and of the bare endpoint."""

import json

from benchmarks import filling
from benchmarks.load import Load
from benchmarks.servers import Server

PAGE = 50


def post(server: Server, *, connections: int, seconds: float) -> Load:
    """Send a message."""
    body = json.dumps({"from": filling.LINE, "to": filling.FRIEND, "text": "message %d"})
    return Load(server.port, "POST", "/v1/messages", server.headers, body, connections, seconds, 201)


def page(server: Server, *, connections: int, seconds: float) -> Load:
    """List the newest messages of a chat."""
    path = f"/v1/messages?from=%2B{filling.LINE[1:]}&to=%2B{filling.FRIEND[1:]}&limit={PAGE}"
    return Load(server.port, "GET", path, server.headers, "", connections, seconds, 200)
