"""Conversations: the latest of them, one as Messages shows it, and where something was said."""

import shlex
from typing import NamedTuple

import msgspec

from blueport.server.dashboard.chats import finding, queries
from blueport.server.dashboard.chats.bubbles import Bubble, bubbles
from blueport.server.dashboard.chats.happenings import Unsaid, happenings, unsaid
from blueport.server.dashboard.chats.queries import ChatStory, Standing, Wanted
from blueport.server.dashboard.lines.queries import lines_there_are
from blueport.server.dashboard.pages import LATEST, Asked, Found, NothingHereError, Page, number_of
from blueport.server.dashboard.rendering import link
from blueport.server.http.bodies import is_blank
from blueport.server.ids import ChatId
from blueport.server.inspecting import service as inspecting
from blueport.server.operating import service as operating
from blueport.server.receiving.presence import TYPING_LASTS_MS
from blueport.server.resources.chats.queries import ChatRow
from blueport.server.resources.messages import searching
from blueport.server.resources.messages.queries import Place
from blueport.server.resources.messages.schema import LONGEST_WORDS
from blueport.server.resources.receipts.queries import receipts_of
from blueport.server.resources.typing.queries import typing_of
from blueport.server.store.tx import Tx

ROOM = "/dashboard/chats"
SHOWN = 50
# What was said after a message that was looked for, so that one sees what came of it.
AFTERWARDS = 10
HAPPENINGS = 30
# Of all chats' latest items and events, twice a second.
REACH = 2_000
_NEWEST = Place(LATEST, "")
_handles = msgspec.json.Decoder(tuple[str, ...])


class Listed(NamedTuple):
    """A chat of a list, and what is told of it there."""

    chat: ChatRow
    standing: Standing
    title: str
    people: tuple[str, ...]


def view(tx: Tx, asked: Asked) -> Found:
    """Find the chats that were active last."""
    active_at, _, below = asked.query.get("before", "").partition(".")
    wanted = Wanted(asked.account or "", asked.query.get("line", ""), number_of(active_at))
    rows = finding.latest(tx, wanted, below, SHOWN + 1)
    at = rows[SHOWN - 1] if len(rows) > SHOWN else None
    older = at and link(ROOM, account=asked.account, line=wanted.line, before=f"{at.active_at}.{at.id}")
    return {"chats": _listed(tx, rows[:SHOWN]), "older": older, "is_first": not active_at, **_narrowed(tx, asked)}


def search(tx: Tx, asked: Asked) -> Found:
    """Find chats by whom they are with, and messages by what they say."""
    words = _words(asked)
    before = asked.before
    wanted = Wanted(asked.account or "", asked.query.get("line", ""), LATEST)
    is_first = before == LATEST
    rows = finding.with_people(tx, wanted, words, asked.terms.region) if words and is_first else []
    said, at = finding.said(tx, wanted, words, before, SHOWN) if words else ([], None)
    older = at and link(SEARCH.path, q=words, account=asked.account, line=wanted.line, before=at)
    found = {"chats": _listed(tx, rows[:SHOWN]), "are_more": len(rows) > SHOWN, "said": said, "older": older}
    return {"words": words, "is_first": is_first, **found, **_narrowed(tx, asked)}


def view_chat(tx: Tx, asked: Asked) -> Found:
    """Find one chat: its latest messages, those before a message, or those around it, and what happened beside them."""
    chat = _chat(tx, asked)
    place, is_newest = _place(tx, asked, chat.id)
    found = searching.page(tx, chat.id, place, SHOWN)
    links = msgspec.structs.replace(asked.terms.links, base="")
    happened = inspecting.happened_in(tx, [chat.id], links, REACH)
    shown = bubbles(tx, chat.line_id, found.rows, links)
    since = 0 if found.place is None else found.place.sent_at
    said: list[Bubble | Unsaid] = [*reversed(shown), *(unsaid(happened, since) if is_newest else ())]
    return {
        "chat": chat,
        "people": _handles.decode(chat.participants),
        "said": sorted(said, key=lambda each: each.at),
        "is_newest": is_newest,
        "at": asked.query.get("at"),
        "older": found.place and link(f"{ROOM}/{chat.id}", before=found.place.message_id),
        "happened": happenings(happened, HAPPENINGS),
        "typing": [
            each.handle for each in typing_of(tx, chat.id) if _types(each.is_typing, each.updated_at, tx.now_ms)
        ],
        "receipts": receipts_of(tx, chat.id),
        "is_looping": (chat.looping_until or 0) > tx.now_ms,
        "command": _command(asked, chat),
    }


def search_chat(tx: Tx, asked: Asked) -> Found:
    """Find what was said in one chat."""
    chat = _chat(tx, asked)
    words = _words(asked)
    place = queries.place_of(tx, chat.id, asked.query.get("before", "")) or _NEWEST
    found = searching.find(tx, chat.id, searching.folded(words), place, SHOWN) if words else searching.Found([], None)
    at = found.place and link(f"{ROOM}/{chat.id}/search", q=words, before=found.place.message_id)
    return {"chat": chat, "words": words, "said": found.rows, "older": at}


def _chat(tx: Tx, asked: Asked) -> ChatStory:
    chat = queries.story(tx, asked.path["id"])
    if chat is None:
        raise NothingHereError
    return chat


def _place(tx: Tx, asked: Asked, chat_id: ChatId) -> tuple[Place, bool]:
    """Return behind which place the page begins, and whether that is the end of the chat.

    Raises:
        NothingHereError: It has no such message.
    """
    named = asked.query.get("at") or asked.query.get("before")
    if not named:
        return _NEWEST, True
    place = queries.place_of(tx, chat_id, named)
    if place is None:
        raise NothingHereError
    if "at" not in asked.query:
        return place, False
    later = queries.places_after(tx, chat_id, place, AFTERWARDS + 1)
    return (later[-1], False) if len(later) > AFTERWARDS else (_NEWEST, True)


def _listed(tx: Tx, rows: list[ChatRow]) -> list[Listed]:
    standings = queries.standings(tx, [row.id for row in rows])
    return [
        Listed(row, standings[row.id], row.name or row.identifier, _handles.decode(row.participants)) for row in rows
    ]


def _narrowed(tx: Tx, asked: Asked) -> Found:
    """Return what a list can be narrowed to, and is."""
    return {
        "accounts": operating.account_names(tx),
        "lines": lines_there_are(tx),
        "line": asked.query.get("line", ""),
        "now_ms": tx.now_ms,
    }


def _words(asked: Asked) -> str:
    words = asked.query.get("q", "").strip()[:LONGEST_WORDS]
    return "" if is_blank(words) else words


def _types(is_typing: int, updated_at: int, now_ms: int) -> bool:
    return bool(is_typing) and updated_at > now_ms - TYPING_LASTS_MS


def _command(asked: Asked, chat: ChatStory) -> str:
    """Return what sends a message here, but for the key."""
    base = asked.terms.links.seen_from(asked.origin).base
    body = {"from": chat.line, "to": chat.id if chat.is_group else chat.identifier, "text": "Hello"}
    given = shlex.quote(msgspec.json.encode(body).decode())
    return f"curl {shlex.quote(base + '/v1/messages')} -H 'Authorization: Bearer sk_live_...' -d {given}"


LIST = Page(ROOM, "Chats", "chats", "chats/list.html", view)
SEARCH = Page(f"{ROOM}/search", "Search", "chats", "chats/search.html", search, is_live=False)
CHAT = Page(f"{ROOM}/{{id}}", "Chat", "chats", "chats/chat.html", view_chat)
SEARCH_CHAT = Page(f"{ROOM}/{{id}}/search", "Search", "chats", "chats/search-chat.html", search_chat, is_live=False)
PAGES = (LIST, SEARCH, CHAT, SEARCH_CHAT)
