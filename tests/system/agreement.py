"""Whether what the API says equals what the phones show, message by message, and each fact is one event of the log.

The phones are the truth. What a person took back before anybody had read it may never have been told at all; all else
has to be there, once, and as it is in the end.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tests.system.blueport import Json

UNKNOWN = "outcome_unknown"
# What leaves nothing on a phone to read.
SIGNALS = ("read", "type")
# What makes no message, but another of one.
CHANGES = ("edit", "unsend")
# How the phones and the API name the same.
_SAME = {
    **{name: name for name in ("sender", "text", "reply_to_guid")},
    "at": "sent_at",
    "is_audio": "is_audio_message",
}


class Asked(NamedTuple):
    """What the agent asked for and was accepted; of a message into which chat, with which text and file.

    Of a change of a message `about` is that one's guid.
    """

    kind: str
    chat: str
    text: str | None = None
    filename: str | None = None
    about: str | None = None

    @property
    def parts(self) -> int:
        """Return how many messages it is."""
        return (self.text is not None) + (self.kind == "voice" or self.filename is not None)


class Phones(NamedTuple):
    """What the phones show, by person; each file of a bubble has its `sha256`."""

    line: str
    group: str
    bubbles: Mapping[str, Sequence[Json]]

    def by_chat(self) -> dict[str, dict[str, Json]]:
        """Return the bubbles of each conversation by their guids; a member of the group has those of all."""
        chats: dict[str, dict[str, Json]] = {person: {} for person in (*self.bubbles, self.group)}
        for person, bubbles in self.bubbles.items():
            for bubble in bubbles:
                chats[person if bubble["chat"] == self.line else bubble["chat"]][bubble["guid"]] = bubble
        return chats


class Lists(NamedTuple):
    """What the API says, messages by the identifier of their chat; each file has its `sha256`, None without bytes.

    Reactions are by the id of their message, receipts by person, outbox items by their id.
    """

    chats: Sequence[Json]
    messages: Mapping[str, Sequence[Json]]
    reactions: Mapping[str, Sequence[Json]]
    receipts: Mapping[str, Sequence[Json]]
    outbox: Mapping[str, Json]
    events: Sequence[Json]

    def own(self) -> list[Json]:
        """Return all that the line has sent to others."""
        return [each for messages in self.messages.values() for each in messages if each["is_from_me"]]


def breaches(phones: Phones, lists: Lists, asked: Mapping[str, Asked]) -> list[str]:
    """Return all in which they do not agree."""
    chats = phones.by_chat()
    found = [*_of_groups(phones), *_of_chats(phones, lists)]
    for chat, bubbles in chats.items():
        messages = lists.messages.get(chat, [])
        found += _of_messages(chat, bubbles, messages)
        found += _of_reactions(bubbles, messages, lists.reactions)
    found += _of_receipts(phones, lists)
    found += _of_outbox(chats, lists, asked, phones.line)
    found += _of_own_changes(chats, lists, asked)
    shown = {guid: bubble for bubbles in chats.values() for guid, bubble in bubbles.items()}
    told = [each for messages in lists.messages.values() for each in messages]
    failed = Counter(
        outbox_id
        for outbox_id, each in asked.items()
        if lists.outbox[outbox_id]["status"] == "failed" and each.kind not in SIGNALS
    )
    return [*found, *_of_events(shown, told, lists), *_of_failures(failed, lists.events)]


# Conversations


def _of_groups(phones: Phones) -> Iterator[str]:
    """All members of a group see the same."""
    seen = defaultdict[str, list[Json]](list)
    for bubbles in phones.bubbles.values():
        for bubble in bubbles:
            if bubble["chat"] == phones.group:
                seen[bubble["guid"]].append({**bubble, "from_me": None, "delivered": None, "read_at": None})
    for guid, views in seen.items():
        if len(views) != len(phones.bubbles) or any(_sorted(view) != _sorted(views[0]) for view in views):
            yield f"the phones of the group disagree about {guid}: {views}"


def _sorted(bubble: Json) -> Json:
    return {**bubble, "reactions": sorted(bubble["reactions"], key=str)}


def _of_chats(phones: Phones, lists: Lists) -> Iterator[str]:
    """There is a chat for each conversation, and one with the line itself at most; each ends with its last message."""
    known = [chat["identifier"] for chat in lists.chats]
    expected = {*phones.bubbles, phones.group}
    if not expected <= {*known} <= {*expected, phones.line} or len(known) != len({*known}):
        yield f"chats {known}, where there are {sorted(expected)}"
    for chat in lists.chats:
        members = sorted(phones.bubbles) if chat["identifier"] == phones.group else [chat["identifier"]]
        if (sorted(chat["participants"]), chat["is_group"]) != (members, chat["identifier"] == phones.group):
            yield f"another chat than it is: {chat}"
        messages = lists.messages.get(chat["identifier"], [])
        if messages and chat["last_message_at"] != messages[0]["sent_at"]:
            yield f"{chat} does not end with {messages[0]}"


# Messages


def _of_messages(chat: str, bubbles: Mapping[str, Json], messages: Sequence[Json]) -> Iterator[str]:
    known = Counter(message["guid"] for message in messages)
    yield from (f"{chat}: {guid} is there {count} times" for guid, count in known.items() if count > 1)
    yield from (f"{chat}: no phone shows {message}" for message in messages if message["guid"] not in bubbles)
    for guid, bubble in bubbles.items():
        if guid not in known and bubble["unsent_at"] is None:
            yield f"{chat}: nobody was told of {bubble}"
    order = [(message["sent_at"], message["id"]) for message in messages]
    if order != sorted(order, reverse=True):
        yield f"{chat}: not the newest first"
    for message in messages:
        bubble = bubbles.get(message["guid"])
        if bubble is not None and (difference := _difference(bubble, message)):
            yield f"{chat}: {message['guid']} is another: {difference}"


def _difference(bubble: Json, message: Json) -> dict[str, tuple[Json, Json]]:
    """Return what the phone shows and the API says, where that is not the same."""
    pairs = {name: (bubble[name], message[same]) for name, same in _SAME.items()}
    pairs["files"] = (
        [_file(each, is_audio=bubble["is_audio"]) for each in bubble["attachments"]],
        [_file(each, is_audio=bubble["is_audio"]) for each in message["attachments"]],
    )
    return {name: (shown, told) for name, (shown, told) in pairs.items() if shown != told}


def _file(file: Json, *, is_audio: bool) -> Json:
    """Return a file as both sides have it: what was recorded has another name on a Mac than on its phone."""
    return {"filename": None if is_audio else file["filename"]} | {
        name: file[name] for name in ("size", "transcription", "sha256")
    }


def is_unsent(message: Json) -> bool:
    """Tell whether a message, as the API has it, is what is left of one that was taken back."""
    return message["text"] is None and not message["attachments"]


# What is on them


def _of_reactions(
    bubbles: Mapping[str, Json], messages: Sequence[Json], reactions: Mapping[str, Sequence[Json]]
) -> Iterator[str]:
    """Of the six the same stand on each message; the API knows no others."""
    for message in messages:
        bubble = bubbles.get(message["guid"])
        told = Counter((each["sender"], each["type"]) for each in reactions[message["id"]])
        shown = Counter(
            (each["sender"], each["tapback"]) for each in (bubble or {"reactions": []})["reactions"] if each["tapback"]
        )
        if bubble is not None and told != shown:
            yield f"on {message['guid']} there is {dict(shown)}, and not {dict(told)}"


def _of_receipts(phones: Phones, lists: Lists) -> Iterator[str]:
    """Each person has read up to when their phone says so."""
    for person, bubbles in phones.bubbles.items():
        read = [
            bubble["read_at"]
            for bubble in bubbles
            if bubble["chat"] == phones.line and not bubble["from_me"] and bubble["read_at"] is not None
        ]
        expected = [(person, max(read))] if read else []
        told = [(each["handle"], each["last_read_at"]) for each in lists.receipts[person]]
        if told != expected:
            yield f"read up to {told}, where it was {expected}"


# What the agent asked for


def _of_outbox(
    chats: Mapping[str, Mapping[str, Json]], lists: Lists, asked: Mapping[str, Asked], line: str
) -> Iterator[str]:
    """What is called sent is on a phone once, what has failed on none, and only of what is unknown nobody knows."""
    made = Counter(message["outbox_id"] for message in lists.own())
    for outbox_id, each in asked.items():
        item = lists.outbox[outbox_id]
        if item["status"] not in ("sent", "failed"):
            yield f"{each} has not ended: {item}"
        elif item["status"] == "sent" and made[outbox_id] != each.parts:
            yield f"{each} is called sent, and there are {made[outbox_id]} messages of it: {item}"
    own = [(chat, bubble) for chat, bubbles in chats.items() for bubble in bubbles.values() if bubble["sender"] == line]
    changed = {bubble["guid"] for _, bubble in own if bubble["edits"] or bubble["unsent_at"]}
    ends = _ends(lists, asked, {message["outbox_id"] for message in lists.own() if message["guid"] in changed})
    texts = _wanted([(each.chat, each.text) for each in asked.values()], ends)
    files = _wanted([(each.chat, each.filename) for each in asked.values()], ends)
    own = [(chat, bubble) for chat, bubble in own if bubble["guid"] not in changed]
    yield from _of_counts(texts, Counter((chat, bubble["text"]) for chat, bubble in own if bubble["text"]))
    names = [(chat, file["filename"]) for chat, bubble in own for file in bubble["attachments"]]
    yield from _of_counts(files, Counter(name for name in names if not name[1].endswith(".caf")))


def _of_own_changes(chats: Mapping[str, Mapping[str, Json]], lists: Lists, asked: Mapping[str, Asked]) -> Iterator[str]:
    """Each edit and unsend of the agent's that is called sent was made once; what has failed was not."""
    surely, perhaps = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for outbox_id, each in asked.items():
        if each.about is not None:
            item = lists.outbox[outbox_id]
            surely[each.about, each.kind] += item["status"] == "sent"
            perhaps[each.about, each.kind] += item["status"] == "sent" or item["error"] == UNKNOWN
    own = {message["guid"] for message in lists.own()}
    for guid, bubble in ((guid, bubble) for bubbles in chats.values() for guid, bubble in bubbles.items()):
        made = {"edit": bubble["edits"], "unsend": int(bubble["unsent_at"] is not None)}
        for kind, count in made.items() if guid in own else ():
            if not min(surely[guid, kind], 1 if kind == "unsend" else count + 1) <= count <= perhaps[guid, kind]:
                yield f"{bubble} was changed by {kind} {count} times, where that was asked {surely[guid, kind]} times"


class _Wanted(NamedTuple):
    surely: int
    perhaps: int


def _ends(lists: Lists, asked: Mapping[str, Asked], changed: Collection[str | None]) -> list[_Wanted]:
    """Return whether each of what was asked is on a phone surely, and perhaps: not if it was *changed* since."""
    ends = []
    for outbox_id, each in asked.items():
        item = lists.outbox[outbox_id]
        is_sent = item["status"] == "sent"
        # Of a text with a file one may have gone, and the other failed.
        may_be = is_sent or item["error"] == UNKNOWN or each.parts == 2
        ends.append(_Wanted(is_sent and outbox_id not in changed, may_be))
    return ends


def _wanted(names: Iterable[tuple[str, str | None]], ends: Iterable[_Wanted]) -> dict[tuple[str, str], _Wanted]:
    """Return of each text or filename how often it has to be on a phone of its chat, and how often it may be."""
    wanted: dict[tuple[str, str], _Wanted] = {}
    for (chat, name), (is_surely, is_perhaps) in zip(names, ends, strict=True):
        if name is not None:
            surely, perhaps = wanted.get((chat, name), _Wanted(0, 0))
            wanted[chat, name] = _Wanted(surely + is_surely, perhaps + is_perhaps)
    return wanted


def _of_counts(wanted: Mapping[tuple[str, str], _Wanted], there: Counter[tuple[str, str]]) -> Iterator[str]:
    for what in {*wanted, *there}:
        surely, perhaps = wanted.get(what, _Wanted(0, 0))
        if not surely <= there[what] <= perhaps:
            yield f"{what} is {there[what]} times on a phone, where it was sent {surely} to {perhaps} times"


# The log


def _of_events(shown: Mapping[str, Json], told: Sequence[Json], lists: Lists) -> Iterator[str]:
    by_type = defaultdict[str, list[Json]](list)
    for event in lists.events:
        by_type[event["event"]].append(event["data"])
    yield from _of_news(told, by_type)
    yield from _of_changes(shown, told, by_type)
    yield from _of_fates(shown, told, by_type)
    yield from _of_signs(lists, by_type)


def _of_failures(failed: Counter[str], events: Iterable[Json]) -> Iterator[str]:
    """That something was not sent is one event."""
    told = Counter(event["data"]["id"] for event in events if event["event"] == "message.failed")
    if told != failed:
        yield f"failures that were none or told twice {told - failed}, not told {failed - told}"


def _of_news(told: Sequence[Json], by_type: Mapping[str, Sequence[Json]]) -> Iterator[str]:
    """Each message is one event."""
    expected = Counter(("message.sent" if each["is_from_me"] else "message.received", each["id"]) for each in told)
    events = Counter((kind, each["id"]) for kind in ("message.sent", "message.received") for each in by_type[kind])
    if events != expected:
        yield f"events without a message {events - expected}, messages without an event {expected - events}"


def _of_changes(
    shown: Mapping[str, Json], told: Sequence[Json], by_type: Mapping[str, Sequence[Json]]
) -> Iterator[str]:
    """Whoever heard all events knows each text as it is, and what was taken back: once."""
    unsent = Counter(each["id"] for each in by_type["message.unsent"])
    versions = defaultdict[str, list[tuple[int, Json]]](list)
    for each in (*by_type["message.received"], *by_type["message.sent"]):
        versions[each["id"]].append((0, each["text"]))
    for each in by_type["message.edited"]:
        versions[each["id"]].append((each["edited_at"], each["text"]))
    for message in told:
        bubble, known = shown.get(message["guid"]), versions[message["id"]]
        moments = [at for at, _ in known]
        if unsent[message["id"]] != is_unsent(message):
            yield f"{message} was told as unsent {unsent[message['id']]} times"
        if len(moments) != len({*moments}) or (bubble and len(moments) - 1 > bubble["edits"]):
            yield f"{message} has more edits than there were: {known}, and {bubble}"
        if not is_unsent(message) and known and max(known, key=lambda one: one[0])[1] != message["text"]:
            yield f"{message} was told as {known} last"


def _of_fates(shown: Mapping[str, Json], told: Sequence[Json], by_type: Mapping[str, Sequence[Json]]) -> Iterator[str]:
    """That a message of ours arrived, and was read, was told once, if it was so."""
    delivered = Counter(each["id"] for each in by_type["message.delivered"])
    read = Counter(each["id"] for each in by_type["message.read"])
    own = [message for message in told if message["is_from_me"] and message["guid"] in shown]
    for message in own:
        bubble = shown[message["guid"]]
        is_read = bubble["read_at"] is not None and "chat" not in bubble["chat"]
        if (delivered[message["id"]], read[message["id"]]) != (1, is_read):
            fate = f"delivered {delivered[message['id']]} times, read {read[message['id']]} times"
            yield f"{message} was told as {fate}, where the phone shows {bubble}"


def _of_signs(lists: Lists, by_type: Mapping[str, Sequence[Json]]) -> Iterator[str]:
    """Whoever heard all events knows which reactions stand; what is taken back takes along what is on it."""
    gone = {each["id"] for each in by_type["message.unsent"]}
    on_gone = {each["id"] for each in by_type["reaction.added"] if each["message_id"] in gone}
    added = Counter(each["id"] for each in by_type["reaction.added"])
    removed = Counter(each["id"] for each in by_type["reaction.removed"])
    standing = {each["id"] for reactions in lists.reactions.values() for each in reactions}
    doubled = [each for each, count in [*added.items(), *removed.items()] if count > 1]
    if doubled or not removed.keys() <= added.keys():
        yield f"reactions told twice {doubled}, removed and never added {removed.keys() - added.keys()}"
    if (left := added.keys() - removed.keys() - on_gone) != standing:
        yield f"reactions that stand {standing - left}, that do not {left - standing}"
