"""Addresses of people and lines: phone numbers, Apple IDs, short codes, alphanumeric senders.

Two addresses are one person only if their whole canonical forms are equal: matching the last digits mixes up strangers.
"""

import re

import phonenumbers

E164 = re.compile(r"\+[1-9]\d{6,14}")
_EMAIL = re.compile(r"[^\s@,;]+@[^\s@,;]+\.[^\s@,;.]+")
_SHORT_CODE = re.compile(r"\d{3,6}")
# Contacts wraps copied numbers in direction marks and no-break spaces.
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_SCHEMES = ("tel:", "mailto:", "sms:", "imessage:")
# In a query string a plus sign that was not encoded arrives as a space.
_UNENCODED_PLUS = re.compile(r"^ +(?=\d)")


def canonical_handle(raw: str, *, region: str) -> str:
    """Return the form under which *raw* is compared and stored: E.164, lower-case email, else as it is.

    Args:
        raw: An address in any usual notation, or one that Messages wrote.
        region: ISO 3166 code of the country whose national notation is understood, as in `US`.
    """
    bare = _bare(raw)
    if "@" in bare:
        return bare.lower()
    return _number(bare, region) or bare


def sendable_handle(raw: str, *, region: str) -> str | None:
    """Return the canonical form of an address that one person can be reached at, or None if it names nobody."""
    if E164.fullmatch(raw):
        return raw
    bare = _bare(raw)
    if "@" in bare:
        return bare.lower() if _EMAIL.fullmatch(bare) else None
    if _SHORT_CODE.fullmatch(bare):
        return bare
    return _number(bare, region)


def _bare(raw: str) -> str:
    unmarked = _INVISIBLE.sub("", raw).replace("\u00a0", " ")
    stripped = _UNENCODED_PLUS.sub("+", unmarked).strip()
    for scheme in _SCHEMES:
        if stripped.lower().startswith(scheme):
            return stripped[len(scheme) :]
    return stripped


def _number(bare: str, region: str) -> str | None:
    if E164.fullmatch(bare):
        return bare
    # phonenumbers turns 1-800-FLOWERS into digits and 12345 into +112345: letters and short codes never reach it.
    if _SHORT_CODE.fullmatch(bare) or any(letter.isalpha() for letter in bare):
        return None
    try:
        parsed = phonenumbers.parse(bare, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
