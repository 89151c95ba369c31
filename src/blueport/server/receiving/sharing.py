"""Whose the sightings of the shared line are.

There each account has chats of its own, and all that follows from a sighting (chat, message, event, reaction, receipt)
is the account's whose phone it is. What is known already, and what proves an outbox item, stays with whom it was, also
once the phone has become another's.
"""

import msgspec

from blueport.handles import canonical_handle
from blueport.protocol.sightings import ChatSeen, MessageChanged, MessageReached, MessageSeen, ReactionSeen, Sighting
from blueport.server.addressing.queries import Line
from blueport.server.ids import AccountId
from blueport.server.receiving import queries
from blueport.server.sandboxing import service as sandboxing
from blueport.server.sending import service as sending
from blueport.server.store.tx import Tx


def as_their_account_sees_it(tx: Tx, line: Line, sighting: Sighting, *, region: str) -> tuple[Line, Sighting] | None:
    """Return the shared line as that of the account whose sighting it is, and the sighting as it is to be kept.

    A text that holds an activation code first makes the phone that account's; no event leaves for it. None: it is
    nobody's business any more.
    """
    if isinstance(sighting, ReactionSeen) and _is_on_what_was_anothers(tx, line, sighting, region):
        return None
    if isinstance(sighting, MessageSeen) and _activates(tx, line, sighting, region):
        sighting = msgspec.structs.replace(sighting, announce=False)
    return line._replace(account_id=_account_id(tx, line, sighting, region)), sighting


def _activates(tx: Tx, line: Line, seen: MessageSeen, region: str) -> bool:
    if seen.is_from_me or seen.chat.is_group or seen.text is None:
        return False
    if queries.account_of_message(tx, line.id, seen.guid) is not None:
        return False
    return sandboxing.activate(tx, _peer(seen.chat, region), seen.text)


def _account_id(tx: Tx, line: Line, sighting: Sighting, region: str) -> AccountId:
    if isinstance(sighting, MessageChanged | MessageReached):
        return queries.account_of_message(tx, line.id, sighting.guid) or line.account_id
    settled = _settled(tx, line, sighting)
    if settled is not None:
        return settled
    if sighting.chat.is_group:
        return line.account_id
    return sandboxing.account_of(tx, line, _peer(sighting.chat, region))


def _settled(tx: Tx, line: Line, sighting: Sighting) -> AccountId | None:
    """Return whose the sighting is whoever has the phone by now, None if that decides."""
    if not isinstance(sighting, MessageSeen | ReactionSeen):
        return None
    guid = sighting.guid if isinstance(sighting, MessageSeen) else sighting.target_guid
    known = queries.account_of_message(tx, line.id, guid)
    if known is not None or sighting.proves is None:
        return known
    return sending.account_of(tx, line.id, sighting.proves.outbox_id)


def _is_on_what_was_anothers(tx: Tx, line: Line, seen: ReactionSeen, region: str) -> bool:
    """Say whether a phone reacts to what was said with an account whose it is no longer."""
    if seen.is_from_me or seen.chat.is_group:
        return False
    whose = queries.account_of_message(tx, line.id, seen.target_guid)
    return whose not in (None, sandboxing.account_of(tx, line, _peer(seen.chat, region)))


def _peer(chat: ChatSeen, region: str) -> str:
    return canonical_handle(chat.identifier, region=region)
