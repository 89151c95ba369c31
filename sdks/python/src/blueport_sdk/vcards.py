"""Contact cards: vCard 3.0 (RFC 2426), as Messages shows them."""

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

PhotoType = Literal["JPEG", "PNG"]

_LINE_BREAK = re.compile(r"\r\n|\n|\r")
_NOT_A_WORD = re.compile(r"[^A-Z0-9-]")
_PNG = b"\x89PNG"


@dataclass(frozen=True)
class ContactPhone:
    """A phone number; *type* is `cell` where nothing is said, else `work`, `home`, `main`, `fax` ..."""

    value: str
    type: str | None = None


@dataclass(frozen=True)
class ContactEmail:
    """An address; *type* is `work`, `home` ..."""

    value: str
    type: str | None = None


@dataclass(frozen=True)
class ContactAddress:
    """Where somebody lives or works."""

    street: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
    type: str | None = None


@dataclass(frozen=True, kw_only=True)
class ContactCard:
    """A person; *bday* is YYYY-MM-DD."""

    first_name: str
    last_name: str
    phones: Sequence[ContactPhone] = ()
    emails: Sequence[ContactEmail] = ()
    org: str | None = None
    title: str | None = None
    url: str | None = None
    address: ContactAddress | None = None
    bday: str | None = None
    note: str | None = None


def vcard(card: ContactCard, photo: bytes | None = None, photo_type: PhotoType | None = None) -> str:
    """Return *card* as vCard 3.0, with CRLF between its lines; a photo's type is found from its bytes."""
    lines = ["BEGIN:VCARD", "VERSION:3.0", *_lines(card)]
    if photo:
        encoded = base64.b64encode(photo).decode()
        lines.append(f"PHOTO;ENCODING=b;TYPE={photo_type or _kind(photo)}:{encoded}")
    return "\r\n".join([*lines, "END:VCARD"])


def file_name(card: ContactCard) -> str:
    """Return what the file of *card* is called."""
    return re.sub(r"\s+", "-", f"{card.first_name}-{card.last_name}.vcf".lower())


def _lines(card: ContactCard) -> Iterator[str]:
    yield f"N:{_escaped(card.last_name)};{_escaped(card.first_name)};;;"
    yield f"FN:{_escaped(f'{card.first_name} {card.last_name}'.strip())}"
    yield from _plain(ORG=card.org, TITLE=card.title, URL=card.url)
    yield from (f"{_typed('TEL', phone.type or 'cell')}:{_escaped(phone.value)}" for phone in card.phones)
    yield from (f"{_typed('EMAIL', email.type)}:{_escaped(email.value)}" for email in card.emails)
    if card.address:
        yield _address(card.address)
    yield from _plain(BDAY=card.bday, NOTE=card.note)


def _plain(**fields: str | None) -> Iterator[str]:
    return (f"{name}:{_escaped(value)}" for name, value in fields.items() if value)


def _address(address: ContactAddress) -> str:
    parts = (address.street, address.city, address.region, address.postal_code, address.country)
    return f"{_typed('ADR', address.type)}:;;{';'.join(map(_escaped, parts))}"


def _typed(name: str, its_type: str | None) -> str:
    word = _word(its_type or "")
    return f"{name};TYPE={word}" if word else name


def _word(its_type: str) -> str:
    return _NOT_A_WORD.sub("", its_type.upper())


def _escaped(value: str) -> str:
    escaped = _LINE_BREAK.sub(r"\\n", value.replace("\\", "\\\\"))
    return escaped.replace(";", "\\;").replace(",", "\\,")


def _kind(photo: bytes) -> PhotoType:
    return "PNG" if photo.startswith(_PNG) else "JPEG"
