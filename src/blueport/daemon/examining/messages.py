"""Whether chat.db can be read and Messages be asked, tried in the very way in which the daemon does it."""

from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

from blueport.daemon.chatdb.database import ChatDb
from blueport.daemon.chatdb.thread import ChatDbError, ChatDbThread
from blueport.daemon.examining.findings import Finding, advice, no_mac, ok, unknown, wrong
from blueport.daemon.examining.subject import Subject
from blueport.daemon.health import Condition
from blueport.daemon.programs import NoAnswerError, NotHereError, answer
from blueport.daemon.remedies import HANGING, NO_AUTOMATION, NOT_RUNNING, NOT_SIGNED_IN
from blueport.daemon.transports.applescript.script import error_number, meaning
from blueport.daemon.transports.children import Ended
from blueport.daemon.transports.imsg.transport import Imsg
from blueport.handles import canonical_handle

_DISK_ACCESS, _AUTOMATION, _ACCOUNT, _LINES = "Full Disk Access", "Automation", "iMessage account", "lines on this Mac"
# Messages is not started by this: who looks should not be what opens it.
_ACCOUNTS = """on run argv
  if application "Messages" is not running then error "Messages is not running." number -600
  set told to ""
  with timeout of 10 seconds
    tell application "Messages"
      repeat with one in accounts
        set kind to "other"
        if service type of one is iMessage then set kind to "iMessage"
        if service type of one is SMS then set kind to "SMS"
        set told to told & kind & tab & (enabled of one) & tab & (description of one) & linefeed
      end repeat
    end tell
  end timeout
  return told
end run
"""
# Longer than the script may take, so that its own word comes first; no more patient than the daemon.
_TIMEOUT_S = 15.0
_TROUBLES: dict[str, Condition] = {
    "not_allowed": NO_AUTOMATION,
    "not_running": NOT_RUNNING,
    "not_signed_in": NOT_SIGNED_IN,
    "unknown": HANGING,
}
_WORDS: dict[str, str] = {
    "replies": "replies",
    "reactions": "tapbacks",
    "typing": "typing",
    "receipts": "read marks",
    "audio": "voice messages",
    "emoji_tapbacks": "any emoji as a tapback",
    "edit": "edits",
    "unsend": "unsends",
    "groups": "new groups and changes of groups",
}


class Account(NamedTuple):
    """An account of Messages, as it tells of it: `title` may be `E:` or `P:` and an address."""

    kind: str
    is_enabled: bool
    title: str


class Tried(NamedTuple):
    """What was found, and the own addresses that showed on the way."""

    findings: list[Finding]
    addresses: list[str]


async def chat_db(subject: Subject) -> Tried:
    """Read chat.db."""
    path = subject.settings.chat_db.expanduser().absolute()
    with closing(ChatDbThread(path)) as thread:
        try:
            newest = await thread.ask(ChatDb.newest_rowid)
            addresses = await thread.ask(ChatDb.addresses_of_rows) + await thread.ask(ChatDb.addresses_of_chats)
        except ChatDbError as error:
            return Tried([wrong(_DISK_ACCESS, str(error))], [])
    if newest == 0:
        return Tried([ok(_DISK_ACCESS, f"{path} can be read; there is no message in it yet.")], addresses)
    return Tried([ok(_DISK_ACCESS, f"{path} can be read.")], addresses)


async def messages(subject: Subject) -> Tried:
    """Ask Messages for its accounts, which asks macOS for the permission to do so."""
    try:
        said = await answer(
            subject.settings.osascript, "-", said=_ACCOUNTS, timeout_s=min(_TIMEOUT_S, subject.settings.send_timeout_s)
        )
    except NotHereError:
        return Tried([no_mac(_AUTOMATION), no_mac(_ACCOUNT)], [])
    except NoAnswerError:
        return _refused(HANGING)
    if said.code != 0:
        return _refused(_trouble(said))
    accounts = list(_accounts(said.stdout))
    return Tried([ok(_AUTOMATION, "Messages can be controlled."), _account(accounts)], [one.title for one in accounts])


def lines(subject: Subject, addresses: list[str]) -> list[Finding]:
    """Look which of the lines this Mac was ever seen to have."""
    if subject.missing:
        return []
    region = subject.settings.region
    known = {canonical_handle(_bare(address), region=region) for address in addresses}
    unseen = [line for line in subject.settings.lines if line not in known]
    if not unseen:
        return [ok(_LINES, f"{', '.join(subject.settings.lines)}: people reach this Mac as that.")]
    told = f"Nothing on this Mac shows yet that it is reached as {', '.join(unseen)}"
    return [unknown(_LINES, f"{told}: in Messages, Settings, iMessage it should be ticked under 'You can be reached'.")]


async def imsg(subject: Subject) -> Finding:
    """Ask `imsg` what it can do."""
    name, program = "imsg", subject.settings.imsg
    if program is None:
        return advice(name, "Without imsg there are texts and files only: BLUEPORT_DAEMON_IMSG names the program.")
    transport = Imsg(program, subject.settings)
    try:
        await transport.probe()
    finally:
        await transport.close()
    if transport.capabilities:
        return ok(name, f"It can do {', '.join(_WORDS.get(one, one) for one in transport.capabilities)}.")
    return wrong(name, f"{program} does not answer, or has no way into Messages: try {program} status by hand.")


def _refused(condition: Condition) -> Tried:
    told = unknown(_ACCOUNT, "Messages could not be asked.")
    if condition is NOT_SIGNED_IN:
        told = wrong(_ACCOUNT, str(condition.hint))
    return Tried([wrong(_AUTOMATION, str(condition.hint)), told], [])


def _trouble(said: Ended) -> Condition:
    number = error_number(said.stderr)
    known = _TROUBLES.get(meaning(number))
    return known or Condition("degraded", f"Messages answers with error {number}: open it, and see how it is.")


def _accounts(told: str) -> Iterator[Account]:
    for line in told.splitlines():
        kind, is_enabled, title = (*line.split("\t"), "", "", "")[:3]
        if kind:
            yield Account(kind, is_enabled == "true", title)


def _account(accounts: list[Account]) -> Finding:
    signed_in = [one for one in accounts if one.kind == "iMessage" and one.is_enabled]
    if not signed_in:
        return wrong(_ACCOUNT, str(NOT_SIGNED_IN.hint))
    return ok(_ACCOUNT, f"Signed in as {', '.join(_bare(one.title) for one in signed_in)}.")


def _bare(title: str) -> str:
    """Return an address without the letter for its kind."""
    return title[2:] if title[:2] in ("E:", "P:") else title
