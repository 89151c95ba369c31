"""What stands on a page for what there is: an id for the one that was made, an address for the server's."""

import json
import re
from collections.abc import Iterator
from typing import get_args

from blueport.server.ids import Prefix
from tests.system.blueport import Json

ID = re.compile(rf"\b(?:{'|'.join(get_args(Prefix))})_[0-9a-z]{{26}}\b")
GUID = re.compile(r"\b[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}\b")
SHORT = re.compile(r"\b([a-z]{2,4})_\.\.\.")
TIME_MS = re.compile(r"\b1[5-9]\d{11}\b")
# What is never the same twice, and no id.
_PASSING = (
    (re.compile(r"expires=\d+&signature=[\w-]+"), "expires=...&signature=..."),
    (re.compile(r"whsec_[\w-]{20,}"), "whsec_..."),
    (re.compile(r'("(?:next_cursor|activation_code)": )"[^"]+"'), r'\1"..."'),
)
_PAGING = ("has_more", "next_cursor")
_MEASURED = ("duration_ms",)
_SOME_DAY_MS = 1_767_225_600_000
# The people of a page are those of no other page, so that none finds what another one said.
_PERSON = re.compile(r"(\+|%2B)1555010(?=\d{4}\b)")


class StandIns:
    """What stands for what on one page; *number* tells it from all other pages."""

    def __init__(self, number: int, said: dict[str, str]) -> None:
        self._exchange = f"{10 + number:03}"
        self._fixed = {
            "http://127.0.0.1:8080": said["api_url"],
            "http://127.0.0.1:8081": said["simulator_url"],
            "sk_live_...": said["api_key"],
        }
        self._real: dict[str, str] = {}

    def around(self, text: str) -> str:
        """Return *text* with the addresses, the key and the people that there are."""
        for shown, real in self._fixed.items():
            text = text.replace(shown, real)
        return _PERSON.sub(rf"\g<1>1555{self._exchange}", text)

    def real(self, text: str) -> str:
        """Return *text* with what there is, ids too."""
        return SHORT.sub(lambda short: self.ids().get(short[0], short[0]), self.expected(text))

    def expected(self, text: str) -> str:
        """Return *text* with what there is, but for `msg_...`, which is any."""
        for shown, real in self._real.items():
            text = text.replace(shown, real)
        return self.around(text)

    def shown(self, text: str) -> str:
        """Return *text* as a page has it."""
        for shown, real in [*self._fixed.items(), *self._real.items()]:
            text = text.replace(real, shown)
        return re.sub(rf"(\+|%2B)1555{self._exchange}(?=\d{{4}}\b)", r"\g<1>1555010", text)

    def made_plain(self, said: str) -> str:
        """Return what was said as a page shows it, with plain ids and times for those that are new."""
        shown = self.shown(said)
        for pattern, plain in _PASSING:
            shown = pattern.sub(plain, shown)
        for real in ids_in(shown):
            if real not in self._real:
                self.bind(self._plain(real), real)
        times = sorted({found[0] for found in TIME_MS.finditer(shown)})
        for at, time in enumerate(times):
            shown = shown.replace(time, str(_SOME_DAY_MS + at * 1000))
        return self.shown(shown)

    def _plain(self, real: str) -> str:
        kind = real.partition("_")[0] if "_" in real else ""
        number = sum(1 for each in self._real if each.startswith(f"{kind}_" if kind else "00000000-")) + 1
        return f"{kind}_01k742sg{number:018}" if kind else f"00000000-0000-4000-8000-{number:012}"

    def ids(self) -> dict[str, str]:
        """Return what stands for what, of ids alone; `msg_...` is the newest of its kind."""
        newest = {f"{real.partition('_')[0]}_...": real for real in self._real.values() if "_" in real}
        return self._real | newest

    def bind(self, shown: str, real: str) -> bool:
        """Have *shown* stand for *real*; False if it stands for something else."""
        if SHORT.fullmatch(shown):
            self._real.setdefault(f"\0{len(self._real)}", real)
            return True
        return self._real.setdefault(shown, real) == real


def ids_in(text: str) -> list[str]:
    """Return the ids in *text*, each once."""
    return list(dict.fromkeys(found[0] for found in re.finditer(f"{ID.pattern}|{GUID.pattern}", text)))


def difference(shown: Json, real: Json, known: StandIns, place: str = "$") -> str | None:
    """Return where an answer is not as it is shown; what is shown and new is bound to what there is."""
    return next(_differences(shown, real, known, place), None)


def _differences(shown: Json, real: Json, known: StandIns, place: str) -> Iterator[str]:
    match shown, real:
        case dict(), dict():
            yield from _differences_of_objects(shown, real, known, place)
        case list(), list():
            yield from _differences_of_lists(shown, real, known, place)
        case str(), str():
            if not _is_text_like(shown, real, known):
                yield f"{place} is {shown!r}, and came as {known.shown(real)!r}"
        case _:
            is_time = TIME_MS.fullmatch(str(shown)) and TIME_MS.fullmatch(str(real))
            if (shown != real and not is_time) or type(shown) is not type(real):
                yield f"{place} is {json.dumps(shown)}, and came as {json.dumps(real)}"


def _differences_of_objects(shown: Json, real: Json, known: StandIns, place: str) -> Iterator[str]:
    if shown.keys() != real.keys():
        yield f"{place} has {sorted(shown)}, and came with {sorted(real)}"
        return
    # Others may have written, too: a list may go on.
    others = (*_MEASURED, *(_PAGING if "data" in shown else ()))
    for name in [name for name in shown if name not in others]:
        yield from _differences(shown[name], real[name], known, f"{place}.{name}")


def _differences_of_lists(shown: Json, real: Json, known: StandIns, place: str) -> Iterator[str]:
    if len(shown) > len(real) or (len(shown) < len(real) and place != "$.data"):
        yield f"{place} has {len(shown)}, and came with {len(real)}"
    for at, (one, other) in enumerate(zip(shown, real, strict=False)):
        yield from _differences(one, other, known, f"{place}[{at}]")


def _is_text_like(shown: str, real: str, known: StandIns) -> bool:
    if ID.fullmatch(shown) or GUID.fullmatch(shown) or SHORT.fullmatch(shown):
        kind = rf"{shown.partition('_')[0]}_[0-9a-z]{{26}}" if "_" in shown else GUID.pattern
        return re.fullmatch(kind, real) is not None and known.bind(shown, real)
    return shown == real or re.fullmatch(_pattern(known.expected(shown)), real, re.DOTALL) is not None


def _pattern(text: str) -> str:
    return re.escape(text).replace(r"\.\.\.", ".*")


def is_output_like(shown: str, real: str, known: StandIns) -> bool:
    """Return whether something said what is shown; `...` stands for anything, an id for one of its kind."""
    if not shown.strip():
        return True
    expected, names = known.expected(shown.rstrip()), []

    def group(found: re.Match[str]) -> str:
        names.append(found[0])
        kind = found[0].partition("_")[0]
        return (
            rf"(?P<g{len(names)}>{kind}_[0-9a-z]{{26}})" if "_" in found[0] else rf"(?P<g{len(names)}>{GUID.pattern})"
        )

    lines = [r"(?:.*\n)*?" if line.strip() == "..." else _pattern(line) + r"\n" for line in expected.split("\n")]
    fresh = [each for each in ids_in(shown) if each in expected]
    pattern = re.sub("|".join(map(re.escape, fresh)), group, "".join(lines)) if fresh else "".join(lines)
    found = re.fullmatch(TIME_MS.sub(r"\\d{13}", pattern), real.rstrip() + "\n")
    return found is not None and all(known.bind(name, found[f"g{at}"]) for at, name in enumerate(names, 1))
