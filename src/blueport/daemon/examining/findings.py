"""What an examination finds."""

from typing import Literal

import msgspec

# Advice is what a person may well have decided otherwise, and what nothing fails for.
Verdict = Literal["ok", "wrong", "unknown", "advice"]


class Finding(msgspec.Struct, frozen=True):
    """What was looked at, how it is, and a sentence that says what to do about it."""

    name: str
    verdict: Verdict
    sentence: str


def ok(name: str, sentence: str) -> Finding:
    """Return that all is well."""
    return Finding(name, "ok", sentence)


def wrong(name: str, sentence: str) -> Finding:
    """Return what a person has to mend."""
    return Finding(name, "wrong", sentence)


def unknown(name: str, sentence: str) -> Finding:
    """Return that it could not be found out, and why."""
    return Finding(name, "unknown", sentence)


def advice(name: str, sentence: str) -> Finding:
    """Return what a person should have decided."""
    return Finding(name, "advice", sentence)


def no_mac(name: str) -> Finding:
    """Return that this cannot be asked here."""
    return unknown(name, "This is no Mac.")
