"""A service that proves that somebody has a phone number: python examples/otp_sender.py.

    POST /codes         {"to": "+15550100001"}                     sends a code
    POST /codes/verify  {"to": "+15550100001", "code": "123456"}   says whether it is that

Nobody can be written to who has not written to the line before. Whoever has not gets a link that opens Messages with a
first text in it: show it as a button on a phone, as a QR code on a computer. Codes are kept in memory, so a restart
forgets them, and people ask again.
"""

import argparse
import math
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from blueport_sdk import (
    AsyncClient,
    AuthorizationError,
    InvalidRequestError,
    MessagesError,
    RateLimitError,
    WaitTimeoutError,
)
from otp_codes import Codes

PATIENCE_S = 20.0


class MalformedError(Exception):
    """A request that makes no sense."""


async def send(request: Request) -> JSONResponse:
    """Send a code, and answer once it is known to be sent."""
    [person] = await texts(request, "to")
    client, codes, line = request.app.state.client, request.app.state.codes, request.app.state.line
    code = codes.issue(person)
    if code is None:
        return refusal(429, "Use the code that you have, or wait until it has expired.", wait_s=codes.left_s(person))
    try:
        item = await client.send_message(from_=line, to=person, text=f"{code} is your code. Tell it to nobody.")
    except MessagesError as error:
        codes.drop(person)
        return refused(error, line)
    return await ending(client, codes, person, item.id)


async def ending(client: AsyncClient, codes: Codes, person: str, item_id: str) -> JSONResponse:
    """Wait for what becomes of it: accepted is not sent."""
    try:
        item = await client.wait_for_outbox_item(id=item_id, timeout_s=PATIENCE_S)
    except (MessagesError, WaitTimeoutError):
        return JSONResponse({"status": "under way"}, 202)
    if item.status == "failed":
        codes.drop(person)
        return refusal(502, f"The code could not be sent: {item.error}.")
    return JSONResponse({"status": "sent"})


def refused(error: MessagesError, line: str) -> JSONResponse:
    """Say what to do about an error of the API."""
    match error:
        case AuthorizationError(code="contact_has_not_messaged"):
            link = f"sms:{line}?body={quote('Send me a code')}"
            return refusal(403, "Text us first, by this link, and then ask again.", link=link)
        case AuthorizationError(code="contact_opted_out"):
            return refusal(403, "You texted STOP. Text START, and then ask again.")
        case RateLimitError():
            return refusal(429, "Too many want a code just now.", wait_s=error.retry_after_s or 60)
        case InvalidRequestError():
            return refusal(400, error.message)
        case _:  # A key that is wrong, a server that is away: nothing that who asks can mend.
            print(f"no code was sent: {error} ({error.code}, {error.request_id})", flush=True)
            return refusal(503, "Codes cannot be sent just now.", wait_s=60)


def refusal(status: int, message: str, *, link: str | None = None, wait_s: float | None = None) -> JSONResponse:
    headers = None if wait_s is None else {"Retry-After": str(math.ceil(wait_s))}
    return JSONResponse({"error": message} | ({"link": link} if link else {}), status, headers)


async def verify(request: Request) -> JSONResponse:
    person, code = await texts(request, "to", "code")
    return JSONResponse({"valid": request.app.state.codes.is_right(person, code)})


async def texts(request: Request, *names: str) -> list[str]:
    """Return those fields of the body; who is meant by `to` has to be clear, or one person could have many codes."""
    try:
        body = await request.json()
        found = [body[name] for name in names]
    except (ValueError, TypeError, KeyError):
        raise MalformedError(f"The body is JSON with {' and '.join(names)}.") from None
    if not all(isinstance(each, str) for each in found) or not re.fullmatch(r"\+[1-9][0-9]{6,14}", found[0]):
        raise MalformedError("`to` is a phone number like +15550100001, and `code` is text.")
    return found


async def malformed(_request: Request, error: Exception) -> JSONResponse:
    return refusal(400, str(error))


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with AsyncClient() as client:
        app.state.client = client
        app.state.line = (await client.list_lines()).data[0].handle
        print(f"listening: codes come from {app.state.line}", flush=True)
        yield


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8002)
    parser.add_argument("--life-s", type=float, default=300, help="how long a code can be used, in seconds (300)")
    options = parser.parse_args()
    app = Starlette(
        routes=[Route("/codes", send, methods=["POST"]), Route("/codes/verify", verify, methods=["POST"])],
        exception_handlers={MalformedError: malformed},
        lifespan=lifespan,
    )
    app.state.codes = Codes(options.life_s)
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")
