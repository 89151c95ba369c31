"""Answers what is not even HTTP in the same envelope as everything else."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from blueport.clock import now_ms
from blueport.server.errors import ApiError
from blueport.server.http.answers import refusal
from blueport.server.ids import mint


class EnvelopeProtocol(HttpToolsProtocol):
    """uvicorn's protocol, but for its answer to bytes that are no request."""

    def send_400_response(self, msg: str) -> None:
        """Refuse, and hang up: where the next request would begin is unknown."""
        request_id = mint("req", now_ms())
        body = refusal(ApiError("malformed_request", msg), request_id).body
        head = (
            f"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            f"x-request-id: {request_id}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
