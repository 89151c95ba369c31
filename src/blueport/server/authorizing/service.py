"""Lets a caller in, and says what it may touch."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import msgspec

from blueport.protocol.door import Capability
from blueport.server.addressing import service as addressing
from blueport.server.addressing.queries import Address, Line
from blueport.server.authorizing import keys, queries
from blueport.server.authorizing.keys import Scope
from blueport.server.authorizing.limits import Allowance, Limits, Standing
from blueport.server.authorizing.queries import DaemonRow, KeyRow
from blueport.server.blobs import queries as blobs
from blueport.server.blobs.queries import FileRow
from blueport.server.errors import ApiError
from blueport.server.guarding import service as guarding
from blueport.server.ids import AccountId, DaemonId, KeyId, LineId, mint
from blueport.server.sandboxing import service as sandboxing
from blueport.server.store.tx import Tx

keep_uses = queries.keep_uses

# What a request may be refused with, for whoever describes an endpoint: see `line_for` and `target`.
LINE_REFUSALS = (*addressing.LINE_REFUSALS, "line_not_accessible")
TARGET_REFUSALS = (*LINE_REFUSALS, *addressing.WRITING_REFUSALS, *sandboxing.REFUSALS, "sandbox_contact_mismatch")
CHANGE_REFUSALS = (
    "contact_has_not_messaged",
    *sandboxing.REFUSALS,
    "sandbox_contact_mismatch",
    *guarding.REFUSALS,
)
REACTION_REFUSALS = (*TARGET_REFUSALS, *guarding.REFUSALS)
MESSAGE_REFUSALS = (*REACTION_REFUSALS, "sandbox_quota_exceeded")
# What needs one of these puts nothing into the conversation that counts as a message.
NO_MESSAGES: tuple[Capability, ...] = ("reactions", "emoji_tapbacks", "edit", "unsend", "typing", "receipts")
# What says nothing to anybody: it may go where nothing else may.
SIGNALS: tuple[Capability, ...] = ("typing", "receipts")


class Key(msgspec.Struct, frozen=True):
    """Who calls. `line_ids` None means every line of the account; the shared line is always among them."""

    id: KeyId
    account_id: AccountId
    scopes: frozenset[str]
    line_ids: frozenset[LineId] | None

    def may_use(self, line_id: LineId) -> bool:
        """Tell whether it is allowed on that line of its account."""
        return self.line_ids is None or line_id in self.line_ids


class Visit(msgspec.Struct):
    """One request: from where it comes, under what key, and how that key stands since it was counted.

    It goes from the event loop to a unit's thread and back: no two touch it at once.
    """

    authorization: list[bytes]
    address: str
    key_hash: str | None = None
    standing: Standing | None = None

    @property
    def secret(self) -> str | None:
        """Return the key or token that it holds, if that could be one."""
        return keys.bearer(self.authorization)


class Need(NamedTuple):
    """What a line must be able to do, and the parameter that asks for it, where one does."""

    capability: Capability
    param: str | None = None


def key_hash(limits: Limits, visit: Visit, now_ms: int) -> str:
    """Return the hash of the key that a visit holds: what cannot be a key is refused before the database is asked.

    Raises:
        ApiError: `missing_api_key`, `invalid_api_key` or `rate_limit_exceeded`.
    """
    if not visit.authorization:
        raise ApiError("missing_api_key", "Send your API key as `Authorization: Bearer sk_live_...`.")
    visit.key_hash = keys.hash_in(visit.authorization[0]) if len(visit.authorization) == 1 else None
    if visit.key_hash is None:
        raise wrong_secret(limits, visit.address, now_ms, _wrong_key())
    return visit.key_hash


def admit(tx: Tx, limits: Limits, visit: Visit) -> Key:
    """Let a visit in, and count it: once, however often it is let in.

    Raises:
        ApiError: `missing_api_key`, `invalid_api_key` or `rate_limit_exceeded`.
    """
    row = queries.live_key(tx, visit.key_hash or key_hash(limits, visit, tx.now_ms))
    if row is None:
        raise wrong_secret(limits, visit.address, tx.now_ms, _wrong_key())
    if visit.standing is None:
        visit.standing = limits.count(Allowance(row.id, row.hourly_limit), tx.now_ms)
    if visit.standing.is_over:
        raise _too_often(visit.standing)
    return Key(row.id, row.account_id, _scopes(row.scopes), _line_ids(tx, row.line_ids))


def admit_daemon(tx: Tx, limits: Limits, visit: Visit) -> DaemonRow:
    """Let a daemon in.

    Raises:
        ApiError: `invalid_api_key` or `rate_limit_exceeded`.
    """
    token = visit.secret
    daemon = queries.live_daemon(tx, keys.digest(token)) if token else None
    if daemon is None:
        told = ApiError("invalid_api_key", "This daemon token is malformed, unknown or revoked.")
        raise wrong_secret(limits, visit.address, tx.now_ms, told)
    return daemon


def wrong_secret(limits: Limits, address: str, now_ms: int, told: ApiError) -> ApiError:
    """Count a wrong secret, and return the refusal: what is *told*, or `rate_limit_exceeded` if there were many.

    Whoever has a right one is never asked to wait: it may be a neighbour who has not.
    """
    wait_s = limits.count_failure(address, now_ms)
    if wait_s is None:
        return told
    message = f"Too many requests from this address named a wrong secret. Try again in {wait_s} seconds."
    return ApiError("rate_limit_exceeded", message, retry_after_s=wait_s)


def _wrong_key() -> ApiError:
    return ApiError("invalid_api_key", "This API key is malformed, unknown, revoked or expired.")


def _too_often(standing: Standing) -> ApiError:
    message = f"This API key may make {standing.limit} requests an hour. Try again in {standing.reset_s} seconds."
    return ApiError("rate_limit_exceeded", message, retry_after_s=standing.reset_s)


def require_scope(key: Key, scope: Scope) -> None:
    """Refuse a key that lacks *scope*.

    Raises:
        ApiError: `insufficient_scope`.
    """
    if scope not in key.scopes:
        raise ApiError("insufficient_scope", f"This API key lacks the scope `{scope}`.")


def new_account(tx: Tx, name: str, owner: str | None = None) -> AccountId:
    """Create an account; *owner* is whose it is, None if it is nobody's, as of a service."""
    account_id = AccountId(mint("acc", tx.now_ms))
    queries.add_account(tx, account_id, name, owner)
    return account_id


def add_key(
    tx: Tx,
    account_id: AccountId,
    key: str,
    *,
    name: str,
    scopes: tuple[Scope, ...] = keys.SCOPES,
    line_ids: tuple[LineId, ...] | None = None,
) -> KeyId:
    """Let *key* in, on every line of the account or only on those of *line_ids*; only its hash is kept."""
    lines = None if line_ids is None else " ".join(line_ids)
    row = KeyRow(KeyId(mint("key", tx.now_ms)), account_id, " ".join(scopes), lines)
    queries.add_key(tx, row, name=name, hashed=keys.digest(key), last4=key[-4:])
    return row.id


def add_daemon(tx: Tx, account_id: AccountId, token: str | None, *, name: str) -> DaemonId:
    """Let the daemon with *token* in; only its hash is kept. None: nobody yet, until a Mac is paired."""
    row = DaemonRow(DaemonId(mint("dmn", tx.now_ms)), account_id)
    queries.add_daemon(tx, row, name=name, hashed=None if token is None else keys.digest(token))
    return row.id


def line_for(tx: Tx, key: Key, name: str) -> Line:
    """Return the line of that name (see `addressing.line_name`).

    Raises:
        ApiError: `line_not_found` or `line_not_accessible`.
    """
    line = addressing.line_named(tx, key.account_id, name)
    if not key.may_use(line.id):
        raise ApiError("line_not_accessible", "This API key is not allowed on that line.", param="from")
    return line


def chat_to_read(tx: Tx, key: Key, name: str, peer: str) -> Address:
    """Return the chat with *peer* (see `addressing.peer_to_read`) on the line of that name.

    Raises:
        ApiError: `line_not_found`, `line_not_accessible` or `chat_not_found`.
    """
    return addressing.chat_to_read(tx, key.account_id, line_for(tx, key, name), peer)


def target(tx: Tx, key: Key, name: str, peer: str, *needs: Need) -> tuple[Line, Address]:
    """Return the line of that name and the chat there that *key* may write to.

    Args:
        tx: The request's transaction.
        key: Who asks.
        name: See `addressing.line_name`.
        peer: See `addressing.peer_to_write`.
        needs: What the line must be able to do beyond plain text and files.

    Raises:
        ApiError: `line_not_found`, `line_not_accessible`, `advanced_features_required`, `chat_not_found` or
            `contact_has_not_messaged`; on the shared line one of those that begin with `sandbox_`; and unless it is a
            signal `contact_opted_out` or `loop_detected`.
    """
    line = line_for(tx, key, name)
    phone = sandboxing.paired_phone(tx, key.account_id) if line.is_sandbox else None
    for need in needs:
        if need.capability not in line.capabilities.split():
            message = f"This needs a line with advanced features: `{need.capability}`."
            raise ApiError("advanced_features_required", message, param=need.param)
    wanted = [need.capability for need in needs]
    if phone is None:
        chat = addressing.chat_to_write(tx, key.account_id, line, peer)
    else:
        if not any(word in NO_MESSAGES for word in wanted):
            sandboxing.count_message(tx, key.account_id)
        chat = _paired_chat(tx, key, line, phone, peer)
    if not any(word in SIGNALS for word in wanted):
        guarding.require_open(tx, key.account_id, chat)
    return line, chat


@contextmanager
def to_blame(param: str) -> Iterator[None]:
    """Have *param* named where `target` refuses a chat that was found by it, and not by `to`."""
    try:
        yield
    except ApiError as error:
        if error.param != "to":
            raise
        raise ApiError(error.code, error.message, param=param, retry_after_s=error.retry_after_s) from error


def _paired_chat(tx: Tx, key: Key, line: Line, phone: str, peer: str) -> Address:
    chat = addressing.chat_to_write(tx, key.account_id, line, phone)
    if peer not in (phone, chat.chat_id):
        message = "On the sandbox line you can write to the phone that you paired, and to nobody else."
        raise ApiError("sandbox_contact_mismatch", message, param="to")
    return chat


@functools.lru_cache(maxsize=1024)
def _scopes(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _line_ids(tx: Tx, words: str | None) -> frozenset[LineId] | None:
    """Return the lines that a key may use: whatever it is restricted to, the shared one too."""
    if words is None:
        return None
    shared = addressing.sandbox_line(tx)
    return frozenset([LineId(word) for word in words.split()] + ([] if shared is None else [shared.id]))


def file_for(tx: Tx, key: Key, name: str, *, param: str) -> FileRow:
    """Return the file of that id; those that were sent to a line are for keys of that line.

    Raises:
        ApiError: `file_not_found`.
    """
    row = blobs.file_of_account(tx, key.account_id, name)
    if row is None or not (row.line_id is None or key.may_use(row.line_id)):
        raise ApiError("file_not_found", "No such file.", param=param)
    return row


def lines_for(tx: Tx, key: Key) -> list[Line]:
    """Return every line that *key* may use."""
    lines = addressing.lines_of(tx, key.account_id)
    return [line for line in lines if key.may_use(line.id)]
