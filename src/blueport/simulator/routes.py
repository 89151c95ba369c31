"""People, their phones and the faults, by HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated, Literal, TypeVar, assert_never

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from blueport.simulator.chatdb import Attachment
from blueport.simulator.faults import Fault
from blueport.simulator.mac import NotOnThisMacError, NotPossibleError, SimulatedMac
from blueport.simulator.news import BubbleChange, DotsChange, News, PeopleChange
from blueport.simulator.phones import GroupNote
from blueport.simulator.tapbacks import Sign, Tapback

_Shape = TypeVar("_Shape", bound=msgspec.Struct)

_HEARTBEAT_S = 15
_MAX_BODY_BYTES = 64 << 20
_MAX_MEMBERS = 100
_MAX_NAME_BYTES = 255
_EVENTS = {BubbleChange: "message", DotsChange: "typing", PeopleChange: "people"}
# Shown by a browser in place; whatever else is a file to keep, so that nothing a person sends can run on this page.
_SHOWN_IN_PLACE = (
    *("image/png", "image/jpeg", "image/gif", "image/webp"),
    *("video/mp4", "video/quicktime", "video/webm"),
    *("audio/mpeg", "audio/mp3", "audio/mp4", "audio/x-m4a", "audio/aac", "audio/wav", "audio/x-wav", "audio/x-caf"),
)

Delay = Annotated[int, msgspec.Meta(ge=0, le=600_000)]


class NewAttachment(msgspec.Struct, frozen=True):
    """A file in JSON: `base64` is its content."""

    filename: str
    content: bytes = msgspec.field(name="base64")
    mime_type: str | None = None


class NewText(msgspec.Struct, frozen=True):
    """Body of POST /people/{handle}/messages; `to` is a line or a group's id.

    With `is_audio` the attachment is a voice memo; what is said in it is written down `transcription_after_ms` after
    the rest. The bytes of an attachment come `file_after_ms` after the message, null for with it; the bubble of the
    link in the text `preview_after_ms` after it, null for never.
    """

    text: str = ""
    to: str | None = None
    attachment: NewAttachment | None = None
    reply_to_guid: str | None = None
    is_audio: bool = False
    transcription: str | None = None
    transcription_after_ms: Delay = 0
    file_after_ms: Delay | None = None
    preview_after_ms: Delay | None = None


class NewReaction(msgspec.Struct, frozen=True):
    """Body of POST /people/{handle}/reactions: one of the six or an emoji; to take off, neither need be told.

    `part` counts the message's files in order, and then its text.
    """

    guid: str
    tapback: Tapback | None = None
    emoji: Annotated[str, msgspec.Meta(min_length=1, max_length=32)] | None = None
    part: Annotated[int, msgspec.Meta(ge=0)] = 0
    remove: bool = False


class NewEdit(msgspec.Struct, frozen=True):
    """Body of POST /people/{handle}/edits."""

    guid: str
    text: str


class NewUnsend(msgspec.Struct, frozen=True):
    """Body of POST /people/{handle}/unsends."""

    guid: str


class NewTyping(msgspec.Struct, frozen=True):
    """Body of POST /people/{handle}/typing; `to` is a line."""

    is_typing: bool
    to: str | None = None


class NewReading(msgspec.Struct, frozen=True):
    """Body of POST /people/{handle}/read; `to` is a line or a group's id."""

    to: str | None = None


class NewPerson(msgspec.Struct, frozen=True):
    """Body of POST /people: somebody new, or what is to be otherwise of somebody who is there.

    Without `has_imessage` all goes by SMS: green, and nobody is told what arrived, was read, or is being typed.
    """

    handle: str
    name: str | None = None
    has_imessage: bool | None = None


class NewOddity(msgspec.Struct, frozen=True):
    """Body of POST /oddities.

    `rebuilt`: chat.db is lost and written anew, with other rowids. `echo`: *text* comes back in the conversation with
    *person*, from an own address. `to_self`: somebody at this Mac writes *text* to the first line.
    """

    oddity: Literal["rebuilt", "echo", "to_self"]
    text: str = "Hm"
    person: str | None = None


class NewGroup(msgspec.Struct, frozen=True):
    """Body of POST /groups."""

    members: tuple[str, ...]
    name: str | None = None
    line: str | None = None


def routes() -> list[Route]:
    """Return the paths; each request finds the Mac in its state."""
    return [
        Route("/people", list_people),
        Route("/people", add_person, methods=["POST"]),
        Route("/people/{handle}/messages", show_phone),
        Route("/people/{handle}/messages", text_the_line, methods=["POST"]),
        Route("/people/{handle}/files/{guid}", show_file),
        Route("/people/{handle}/reactions", react, methods=["POST"]),
        Route("/people/{handle}/edits", edit, methods=["POST"]),
        Route("/people/{handle}/unsends", unsend, methods=["POST"]),
        Route("/people/{handle}/typing", show_typing),
        Route("/people/{handle}/typing", type_to_the_line, methods=["POST"]),
        Route("/people/{handle}/read", read, methods=["POST"]),
        Route("/people/{handle}/groups/{id}", change_group, methods=["POST"]),
        Route("/people/{handle}/events", follow_phone),
        Route("/events", follow_all_phones),
        Route("/groups", list_groups),
        Route("/groups", add_group, methods=["POST"]),
        Route("/faults", list_faults),
        Route("/faults", add_fault, methods=["POST"]),
        Route("/faults", clear_faults, methods=["DELETE"]),
        Route("/oddities", befall, methods=["POST"]),
        Route("/lines", list_lines),
        Route("/healthz", show_health),
    ]


# People


async def list_people(request: Request) -> Response:
    """Answer with everybody, whoever has news first."""
    return _json(_mac(request).phones.people())


async def add_person(request: Request) -> Response:
    """Give somebody a phone, or another name, or take iMessage from them."""
    new = await _body(request, NewPerson)
    handle = _handle(request, new.handle)
    with _refusals():
        _mac(request).add_person(handle, name=new.name or None, has_imessage=new.has_imessage)
    return _json({"handle": handle, "name": new.name or None}, status=201)


async def show_phone(request: Request) -> Response:
    """Answer with what a phone shows, oldest first; with `newest` only with so many."""
    newest = request.query_params.get("newest", "-1")
    if not newest.removeprefix("-").isdecimal():
        raise HTTPException(400, "`newest` is a number.")
    return _json(_mac(request).phones.screen(_handle(request, request.path_params["handle"]), newest=int(newest)))


async def text_the_line(request: Request) -> Response:
    """Let a person write; the answer comes when the message is in chat.db."""
    person = _handle(request, request.path_params["handle"])
    new = await _body(request, NewText)
    _check(new)
    with _refusals():
        guid = await _mac(request).person_texts(
            person,
            new.text,
            to=new.to,
            attachments=_attachments(new),
            reply_to_guid=new.reply_to_guid,
            preview_after_ms=new.preview_after_ms,
        )
    return _json({"guid": guid}, status=201)


async def show_file(request: Request) -> Response:
    """Answer with the bytes of a file that a phone shows."""
    person = _handle(request, request.path_params["handle"])
    found = _mac(request).phones.file(person, request.path_params["guid"])
    if found is None or not found[1].exists():
        raise HTTPException(404, "That phone shows no such file.")
    file, path = found
    is_shown = file.mime_type in _SHOWN_IN_PLACE
    return FileResponse(
        path,
        media_type=file.mime_type if is_shown else "application/octet-stream",
        filename=file.filename,
        content_disposition_type="inline" if is_shown else "attachment",
        headers={"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"},
    )


async def react(request: Request) -> Response:
    """Let a person put something on a message, or take it off; the answer comes when chat.db has it."""
    person = _handle(request, request.path_params["handle"])
    new = await _body(request, NewReaction)
    if (new.tapback is None) == (new.emoji is None) and not (new.remove and new.tapback is None):
        raise HTTPException(400, "A reaction is a tapback or an emoji.")
    sign = None if new.tapback is None and new.emoji is None else Sign(new.tapback, new.emoji)
    with _refusals():
        guid = await _mac(request).person_reacts(person, new.guid, sign, part=new.part, is_removed=new.remove)
    return _json({"guid": guid}, status=201)


async def edit(request: Request) -> Response:
    """Let a person give a message of theirs another text; the answer comes when chat.db has it."""
    person = _handle(request, request.path_params["handle"])
    new = await _body(request, NewEdit)
    with _refusals():
        await _mac(request).person_edits(person, new.guid, new.text)
    return _json({"guid": new.guid}, status=201)


async def unsend(request: Request) -> Response:
    """Let a person take back a message of theirs; the answer comes when chat.db has it."""
    person = _handle(request, request.path_params["handle"])
    new = await _body(request, NewUnsend)
    with _refusals():
        await _mac(request).person_unsends(person, new.guid)
    return _json({"guid": new.guid}, status=201)


async def show_typing(request: Request) -> Response:
    """Answer with the lines and groups in which a phone shows that the line types."""
    return _json(_mac(request).messages.lines_that_type(_handle(request, request.path_params["handle"])))


async def type_to_the_line(request: Request) -> Response:
    """Let the line see that a person types, or no longer does."""
    person = _handle(request, request.path_params["handle"])
    new = await _body(request, NewTyping)
    with _refusals():
        _mac(request).person_types(person, to=new.to, is_typing=new.is_typing)
    return _json({"is_typing": new.is_typing}, status=201)


async def read(request: Request) -> Response:
    """Let a person open a conversation; the answer comes when chat.db has it."""
    person = _handle(request, request.path_params["handle"])
    new = await _body(request, NewReading)
    with _refusals():
        await _mac(request).person_reads(person, to=new.to)
    return _json({}, status=201)


async def follow_phone(request: Request) -> Response:
    """Stream what changes on one phone."""
    return _stream(_mac(request).news, _handle(request, request.path_params["handle"]))


async def follow_all_phones(request: Request) -> Response:
    """Stream what changes on any phone."""
    return _stream(_mac(request).news, None)


# Groups and lines


async def list_groups(request: Request) -> Response:
    """Answer with all groups, the newest first."""
    return _json(_mac(request).phones.groups())


async def add_group(request: Request) -> Response:
    """Put people into a group with the line."""
    new = await _body(request, NewGroup)
    if not 1 <= len(new.members) <= _MAX_MEMBERS:
        raise HTTPException(400, f"A group has 1 to {_MAX_MEMBERS} members besides the line.")
    members = [_handle(request, member) for member in new.members]
    with _refusals():
        group_id = _mac(request).add_group(members, name=new.name or None, line=new.line)
    return _json({"id": group_id}, status=201)


async def change_group(request: Request) -> Response:
    """Let a member change a group; the body is the note that all its members will see of it."""
    person, note = _handle(request, request.path_params["handle"]), await _body(request, GroupNote)
    subject = note.subject or None
    if subject is not None and note.what in ("added", "removed"):
        subject = _handle(request, subject)
    with _refusals():
        _mac(request).person_changes_group(person, request.path_params["id"], GroupNote(note.what, subject))
    return _json({}, status=201)


async def list_lines(request: Request) -> Response:
    """Answer with the handles that people can write to, the usual one first."""
    return _json(_mac(request).settings.lines)


# Faults


async def list_faults(request: Request) -> Response:
    """Answer with what is to go wrong, one entry a send."""
    return _json(_mac(request).faults.pending())


async def add_fault(request: Request) -> Response:
    """Let sends to come go wrong."""
    faults = _mac(request).faults
    faults.add(await _body(request, Fault))
    return _json(faults.pending(), status=201)


async def clear_faults(request: Request) -> Response:
    """Let all go well from now on."""
    _mac(request).faults.clear()
    return _json([])


async def befall(request: Request) -> Response:
    """Let chat.db be odd; the answer comes when it is."""
    new, mac = await _body(request, NewOddity), _mac(request)
    match new.oddity:
        case "rebuilt":
            await mac.rebuild()
        case "echo":
            mac.echo(_handle(request, new.person or ""), new.text)
        case "to_self":
            mac.write_to_self(new.text)
        case _ as never:
            assert_never(never)
    return _json({}, status=201)


async def show_health(_request: Request) -> Response:
    """Answer that people can write."""
    return _json({"status": "ok"})


# The common part


def refused(_request: Request, error: Exception) -> Response:
    """Turn a refusal into an answer."""
    if not isinstance(error, HTTPException):
        raise error
    return _json({"error": {"message": error.detail}}, status=error.status_code)


def _mac(request: Request) -> SimulatedMac:
    mac: SimulatedMac = request.state.mac
    return mac


async def _body(request: Request, shape: type[_Shape]) -> _Shape:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise HTTPException(413, f"A body may have {_MAX_BODY_BYTES} bytes.")
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.DecodeError as error:
        raise HTTPException(400, f"The body does not fit: {error}.") from error


def _handle(request: Request, raw: str) -> str:
    handle = _mac(request).handle(raw)
    if not handle or "\0" in handle:
        raise HTTPException(400, "A handle is a phone number or an Apple ID.")
    return handle


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except NotOnThisMacError as error:
        raise HTTPException(404, str(error)) from error
    except NotPossibleError as error:
        raise HTTPException(400, str(error)) from error


def _check(new: NewText) -> None:
    if not new.text and new.attachment is None:
        raise HTTPException(400, "A message needs a text or an attachment.")
    if new.is_audio and (new.text or new.attachment is None):
        raise HTTPException(400, "A voice memo is an attachment without a text.")
    if new.transcription is not None and not new.is_audio:
        raise HTTPException(400, "Only a voice memo is transcribed.")


def _attachments(new: NewText) -> tuple[Attachment, ...]:
    given = new.attachment
    if given is None:
        return ()
    if given.filename in ("", ".", "..") or "\0" in given.filename or len(given.filename.encode()) > _MAX_NAME_BYTES:
        raise HTTPException(400, f"A filename has 1 to {_MAX_NAME_BYTES} bytes.")
    attachment = Attachment(
        given.filename,
        given.content,
        given.mime_type,
        file_after_ms=new.file_after_ms,
        is_audio=new.is_audio,
        transcription=new.transcription,
        transcription_after_ms=new.transcription_after_ms,
    )
    return (attachment,)


def _json(content: object, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def _stream(news: News, person: str | None) -> Response:
    headers = {"Cache-Control": "no-store"}
    return StreamingResponse(_events(news, person), media_type="text/event-stream", headers=headers)


async def _events(news: News, person: str | None) -> AsyncIterator[bytes]:
    with news.reading() as changes:
        # Said at once, so that a page knows that it misses nothing from here on.
        yield b"event: ready\ndata: {}\n\n"
        while True:
            try:
                change = await asyncio.wait_for(changes.get(), _HEARTBEAT_S)
            except TimeoutError:
                yield b": still here\n\n"
                continue
            if change is None:
                return
            if person is None or (not isinstance(change, PeopleChange) and change.person == person):
                yield _event(change)


def _event(change: BubbleChange | DotsChange | PeopleChange) -> bytes:
    name = _EVENTS[type(change)]
    return f"event: {name}\ndata: ".encode() + msgspec.json.encode(change._asdict()) + b"\n\n"
