"""A bare Starlette endpoint: the ceiling that everything is held against. Serves on the port given."""

import sys

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


class _Body(msgspec.Struct):
    to: str
    text: str


async def _accept(request: Request) -> Response:
    msgspec.json.decode(await request.body(), type=_Body)
    return Response(b'{"id":"obx_0","status":"pending","request_id":"req_0"}', 201, media_type="application/json")


if __name__ == "__main__":
    app = Starlette(routes=[Route("/v1/messages", _accept, methods=["POST"])])
    # Connections live as long as ours: the open loop leaves some of them idle.
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False, timeout_keep_alive=75)
