"""A bot behind a webhook: python examples/fastapi_bot.py.

It registers its webhook by itself. PORT is 8000 unless you say otherwise; where the server is not on this machine,
PUBLIC_URL says how it reaches the bot (https://...).
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

import uvicorn
from fastapi import FastAPI, Request

from blueport_sdk import AsyncClient, AuthorizationError, InvalidRequestError, MessageData, NotFoundError
from blueport_sdk.starlette import webhook_event

PORT = int(os.environ.get("PORT", "8000"))
URL = os.environ.get("PUBLIC_URL", f"http://127.0.0.1:{PORT}") + "/webhook"


class State(TypedDict):
    client: AsyncClient
    secret: str


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
    async with AsyncClient() as client:
        secret = await secret_of_webhook(client)
        print(f"listening at {URL}", flush=True)
        yield {"client": client, "secret": secret}


async def secret_of_webhook(client: AsyncClient) -> str:
    """Register the webhook, or take the one that is there; its secret is told only once, so that gets a new one."""
    async for webhook in await client.list_webhooks():
        if webhook.url == URL:
            if not webhook.is_active:
                await client.enable_webhook(id=webhook.id)
            return (await client.rotate_webhook_secret(id=webhook.id)).secret
    made = await client.create_webhook(from_="", url=URL, events=["message.received"])
    return made.secret or ""


app = FastAPI(lifespan=lifespan)


@app.post("/webhook")
async def hear(request: Request) -> str:
    """Answer what is genuine; whoever gets no 2xx tells it again later."""
    event = await webhook_event(request, request.state.secret)
    if event.event == "message.received":
        await answer(request.state.client, event.data)
    return "heard"


async def answer(client: AsyncClient, heard: MessageData) -> None:
    """Answer a message once: what comes under its id a second time, after a crash or a replay, has no effect."""
    once = client.with_options(idempotency_key=f"answer-to-{heard.id}")
    try:
        await once.send_message(from_=heard.line_handle, to=heard.chat_id, text=reply(heard))
    except (AuthorizationError, InvalidRequestError, NotFoundError) as error:
        # It would be refused again. All else is a 500, and the server tells us once more.
        print(f"{heard.id} is left without an answer: {error}", flush=True)


def reply(heard: MessageData) -> str:
    """Return what the bot says: begin here with your own."""
    files = f" and sent {len(heard.attachments)} file(s)" if heard.attachments else ""
    return f"You said: {heard.text or 'nothing'}{files}"


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
