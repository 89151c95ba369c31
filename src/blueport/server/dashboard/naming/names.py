"""Names for ids, with where one reads more of them; what was deleted, and what nobody knows, has none."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from blueport.server.dashboard.naming import queries
from blueport.server.dashboard.naming.queries import Called
from blueport.server.store.tx import Tx


class Name(NamedTuple):
    """What something is called, and the path of its page."""

    words: str
    path: str


Names = Mapping[str, Name]


def names_of(tx: Tx, ids: Iterable[str]) -> Names:
    """Return the names of those of *ids* that are known; what is no id is passed over."""
    by_kind: dict[str, set[str]] = {}
    for each in ids:
        by_kind.setdefault(each.partition("_")[0], set()).add(each)
    known = [(kind, queries.called(tx, kind, sorted(by_kind[kind]))) for kind in by_kind if kind in queries.KINDS]
    return {called.id: _name(kind, called) for kind, found in known for called in found}


def place_of(url: str) -> str:
    """Return where a URL leads, without what may be a secret in its query."""
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}"


def _name(kind: str, called: Called) -> Name:
    words, path = _SHOWN[kind]
    return Name(words(called), path.format(called.id))


def _key(called: Called) -> str:
    return f"{called.name} …{called.more}"


def _line(called: Called) -> str:
    return f"{called.name} ({called.more})" if called.more else called.name


def _webhook(called: Called) -> str:
    return place_of(called.name)


def _chat(called: Called) -> str:
    return called.more or called.name


def _plain(called: Called) -> str:
    return called.name


_SHOWN: dict[str, tuple[Callable[[Called], str], str]] = {
    "acc": (_plain, "/dashboard/settings/{}"),
    "key": (_key, "/dashboard/keys/{}"),
    "ln": (_line, "/dashboard/lines/{}"),
    "dmn": (_plain, "/dashboard/daemons/{}"),
    "wh": (_webhook, "/dashboard/webhooks/{}"),
    "usr": (_plain, "/dashboard/audit?actor={}"),
    "cht": (_chat, "/dashboard/chats/{}"),
}
