"""A way to the API on which answers get lost."""

import socket
from urllib.parse import urlsplit

from tests.forwarding import Forwarder, heard


class Swallower(Forwarder):
    """Leads from `url` to the API at *url*; what is asked by *words* is done, and its answer never comes."""

    def __init__(self, url: str, words: bytes) -> None:
        parts = urlsplit(url)
        self._api = (parts.hostname or "", parts.port or 0)
        self.words: bytes | None = words
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "Swallower":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def lead(self, client: socket.socket) -> None:
        is_lost = False
        with socket.create_connection(self._api) as api:
            while True:
                for said, other in heard(client, api):
                    if not said or (is_lost and other is client):
                        return
                    is_lost = is_lost or (self.words is not None and self.words in said)
                    other.sendall(said)
