"""Addresses of people and lines: phone numbers, Apple IDs, short codes, alphanumeric senders.

Two addresses are one person only if their whole canonical forms are equal: matching the last digits mixes up strangers.
"""

import re
import unicodedata
from urllib.parse import quote

import phonenumbers

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_EMAIL = re.compile(r"[^\s@,;<>()]+@[^\s@,;<>()]+\.[^\s@,;<>().]+")
_SHORT_CODE = re.compile(r"[0-9]{3,6}")
# Contacts wraps copied numbers in direction marks and no-break spaces.
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_PUNCTUATION = re.compile(r"[\s().-]")
_SCHEMES = ("tel:", "mailto:", "sms:", "imessage:")


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
    return bare if _SHORT_CODE.fullmatch(bare) else _number(bare, region)


def text_link(handle: str, text: str) -> str:
    """Return the link, as of a QR code, by which a phone opens Messages with *text* written to *handle*."""
    return f"sms:{handle}?body={quote(text)}"


def _bare(raw: str) -> str:
    stripped = _INVISIBLE.sub("", raw).replace("\u00a0", " ").strip()
    for scheme in _SCHEMES:
        if stripped.lower().startswith(scheme):
            return stripped[len(scheme) :]
    return stripped


def _number(bare: str, region: str) -> str | None:
    # Full-width digits, and spaces of all widths.
    plain = unicodedata.normalize("NFKC", bare)
    if E164.fullmatch(plain):
        return plain
    # phonenumbers turns 1-800-FLOWERS into digits and 12345 into +112345: letters and short codes never reach it.
    if _SHORT_CODE.fullmatch(plain) or any(letter.isalpha() for letter in plain):
        return None
    return _parsed(plain, region) or _compact(plain)


def _parsed(plain: str, region: str) -> str | None:
    try:
        parsed = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException:
        return None
    # A number without its area code is possible too, but only there.
    if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _compact(plain: str) -> str | None:
    """Return a number that phonenumbers does not know (any more) but that has its country code."""
    compact = _PUNCTUATION.sub("", plain)
    return compact if E164.fullmatch(compact) else None
