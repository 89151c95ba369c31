"""All that the phones show, and all that the API says, asked for by HTTP."""

import hashlib
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote

from tests.patience import PATIENCE_S
from tests.system.agreement import Lists, Phones
from tests.system.blueport import Json

BROKEN = (OSError, http.client.HTTPException)


class Answer(NamedTuple):
    """A status, and the JSON that came with it."""

    status: int
    said: Json


class Client:
    """Whoever asks at one address; *headers* go with everything."""

    def __init__(self, port: int, **headers: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._headers = headers

    def ask(self, method: str, path: str, body: bytes | Json = None, **headers: str) -> Answer:
        """Ask once.

        Raises:
            OSError: Nobody is there, or they hung up; so does an HTTPException tell.
        """
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, content, self._headers | headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return Answer(answer.status, json.load(answer))
        except urllib.error.HTTPError as refusal:
            return Answer(refusal.code, refusal.read().decode())

    def get(self, path: str) -> Json:
        """Return what is there, which has to be."""
        status, said = self.ask("GET", path)
        assert status == 200, f"{status} {said}"
        return said

    def page_by_page(self, path: str, param: str = "cursor") -> Iterator[Json]:
        """Return a whole list."""
        cursor = ""
        while True:
            page = self.get(f"{path}{cursor}")
            yield from page["data"]
            if not page["has_more"]:
                return
            cursor = f"&{param}={quote(page['next_cursor'])}"


def phones(mac: Client, line: str, group: str, people: Iterable[str]) -> Phones:
    """Return what everybody's phone shows."""
    return Phones(line, group, {person: _screen(mac, person) for person in people})


def lists(api: Client, line: str, people: Iterable[str], outbox_ids: Iterable[str]) -> Lists:
    """Return what the API says, and what of the outbox has these ids."""
    chats = list(api.page_by_page(f"/v1/chats?from={quote(line)}&limit=100"))
    messages = {chat["identifier"]: _messages(api, line, chat["id"]) for chat in chats}
    of_message = "/v1/reactions?message_id="
    ids = [message["id"] for each in messages.values() for message in each]
    of_person = f"/v1/receipts?from={quote(line)}&to="
    return Lists(
        chats=chats,
        messages=messages,
        reactions={each: api.get(of_message + each)["data"] for each in ids},
        receipts={person: api.get(of_person + quote(person))["data"] for person in people},
        outbox={each: api.get(f"/v1/outbox?id={each}") for each in outbox_ids},
        events=list(api.page_by_page("/v1/events?limit=100", "after")),
    )


def _screen(mac: Client, person: str) -> list[Json]:
    shown: list[Json] = mac.get(f"/people/{quote(person)}/messages")
    bubbles = [each for each in shown if each["note"] is None]
    for bubble in bubbles:
        for file in bubble["attachments"]:
            file["sha256"] = _sha256(f"{mac.url}/people/{quote(person)}/files/{file['guid']}")
    return bubbles


def _messages(api: Client, line: str, chat_id: str) -> list[Json]:
    messages = list(api.page_by_page(f"/v1/messages?from={quote(line)}&to={chat_id}&limit=100"))
    for message in messages:
        for file in message["attachments"]:
            file["sha256"] = None if file["url"] is None else _sha256(file["url"])
    return messages


def _sha256(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        return hashlib.sha256(answer.read()).hexdigest()
