"""What is said of lines, in the words of people who have never seen one."""

from typing import NamedTuple

from blueport.protocol.door import Capability


class Condition(NamedTuple):
    """How a line is: a word for it, its tone, and what it means."""

    word: str
    tone: str
    meaning: str


# What daemons say of their lines, and what the server sees by itself.
CONDITIONS = {
    "ok": Condition("works", "good", "Its Mac sends and hears."),
    "unserved": Condition(
        "nobody serves it", "bad", "No daemon is given for it: change the line, or pair a Mac first."
    ),
    "revoked": Condition("nobody serves it", "bad", "Its daemon was revoked and is let in no more: give it another."),
    "never_seen": Condition(
        "never seen",
        "warn",
        "Its daemon has not said hello for this line yet: start it on the Mac, with this line among its lines.",
    ),
    "offline": Condition(
        "offline", "bad", "Its daemon is silent: see whether the Mac is on, and online. What is accepted waits for it."
    ),
    "degraded": Condition(
        "works, but not well", "warn", "It may send late, or not at all, until this is mended on the Mac."
    ),
    "no_disk_access": Condition(
        "cannot read messages", "bad", "Its daemon may not read what Messages keeps on the Mac."
    ),
    "no_automation": Condition("cannot send", "bad", "Its daemon may not control Messages on the Mac."),
    "not_signed_in": Condition("not signed in", "bad", "Messages on the Mac is signed in to no account."),
    "no_session": Condition(
        "nobody is logged in", "bad", "Messages cannot run: its user has to be logged in at the Mac."
    ),
}

SERVICES = {"imessage": "iMessage only", "sms": "SMS only", "auto": "iMessage, else SMS"}

CAPABILITIES: dict[Capability, tuple[str, str]] = {
    "replies": ("replies", "answer one message, in its thread"),
    "reactions": ("tapbacks", "put a heart, a thumb and the like on a message"),
    "emoji_tapbacks": ("emoji tapbacks", "react with any emoji"),
    "typing": ("typing", "show three dots while you write"),
    "receipts": ("read marks", "mark a chat as read"),
    "audio": ("voice messages", "send sounds that play in the chat"),
    "effects": ("effects", "send with slam, balloons and the like"),
    "edit": ("edit", "change what was sent"),
    "unsend": ("unsend", "take back what was sent"),
    "groups": ("groups", "begin and change groups"),
}
