"""Does what a page says, block by block, and judges what comes of it."""

import contextlib
import json
import os
import subprocess
import sys
import tomllib
import wave
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import yaml

from tests.docs import compiling
from tests.docs.blocks import ROOT, Block, blocks_of
from tests.docs.compiling import Compiled, Module, modules_of, placed
from tests.docs.sessions import Ended, Sessions
from tests.docs.standing_in import StandIns, difference, ids_in, is_output_like
from tests.system.blueport import Blueport, Json

SHELL = ("bash", "sh", "console")
# What is shown, and neither run nor read by a program.
_SHOWN = (
    "text",
    "http",
    "ini",
    "nginx",
    "caddyfile",
    "html",
    "xml",
    "systemd",
    "dockerfile",
    "diff",
    "sql",
    "powershell",
)
_READ: dict[str, Callable[[str], object]] = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}
# What tells what came, and of what.
TITLES = ("Answer", "Output")
KNOWN = (*SHELL, "python", *compiling.LANGUAGES, *_SHOWN, *_READ)


# Whether answers and outputs that differ are written into the page.
IS_WRITTEN = bool(os.environ.get("WRITE"))


class Performance:
    """One page, as somebody goes through it who types all that it shows."""

    def __init__(self, page: Path, known: StandIns, sessions: Sessions, typescript: Callable[[], Compiled]) -> None:
        self.page = page
        self.known = known
        self._name = "/".join(page.parts[-2:])
        self._sessions = sessions
        self._typescript = typescript
        self._modules = {block.line: module for module in modules_of_page(page) for block in module.blocks}
        self._placed: dict[str, Path] = {}
        # What was said last, and the last of it that was a JSON object: of tabs, what curl was told.
        self.said = ""
        self.answer: Json = None
        # What is to be shown instead, by the block.
        self.came: dict[Block, str] = {}

    def go_through(self) -> Iterator[str]:
        """Do it all; return what is wrong. After the first that failed nothing would be as it is shown."""
        blocks = blocks_of(self.page.read_text())
        for at, block in enumerate(blocks):
            wrong = self._wrong_with(block) or self._wrong_refusal(block, blocks[at + 1 :])
            if wrong and IS_WRITTEN and block.title in TITLES:
                said = json.dumps(self.answer, indent=2, ensure_ascii=False) if block.title == "Answer" else self.said
                self.came[block] = self.known.made_plain(said.rstrip())
            elif wrong:
                yield f"{self._name}:{block.line}: {wrong}"
                return

    def _wrong_with(self, block: Block) -> str | None:
        if block.title in TITLES:
            return self._wrong_shown(block)
        if not block.is_run:
            return None
        if block.language in SHELL:
            return self._wrong_in_shell(block)
        if block.language == "python":
            return self._wrong_in_python(block)
        return self._wrong_in_node(block) if block.language in compiling.LANGUAGES else None

    def _wrong_shown(self, block: Block) -> str | None:
        if block.title == "Output":
            return None if is_output_like(block.code, self.said, self.known) else self._said_instead()
        return self._wrong_answer(block)

    def _wrong_refusal(self, block: Block, following: list[Block]) -> str | None:
        """Return what was refused although the page shows no refusal: curl ends well with it."""
        if block.language not in SHELL or not block.is_run or block.keeps_running or not _is_refusal(self.answer):
            return None
        shown = next((each for each in following if each.title == "Answer" or each.language in SHELL), block)
        return None if shown.title == "Answer" and '"error"' in shown.code else f"was refused: {self.said}"

    def _wrong_answer(self, block: Block) -> str | None:
        shown = json.loads(block.code or "null")
        return difference(shown, self.answer, self.known)

    def _said_instead(self) -> str:
        return f"what came was\n{self.known.shown(self.said)}"

    def _wrong_in_shell(self, block: Block) -> str | None:
        commands = commands_of(block) if block.language == "console" else [(block.code, "")]
        for command, expected in commands:
            if block.keeps_running:
                return self._wrong_alone(["bash", "-c", f"exec {self.known.real(command)}"], expected)
            ended = self._sessions.shell(self.known.real(command))
            wrong = self._wrong_ending(block, ended)
            if wrong or not is_output_like(expected, ended.output, self.known):
                return wrong or self._said_instead()
        return None

    def _wrong_in_python(self, block: Block) -> str | None:
        code = self.known.real(block.code)
        if block.keeps_running:
            return self._wrong_alone([sys.executable, "-u", "-c", code], "")
        ended = self._sessions.python(code, block.line, self._name, is_hidden=block.is_hidden)
        return self._wrong_ending(block, ended)

    def _wrong_in_node(self, block: Block) -> str | None:
        module = self._modules[block.line]
        typescript = self._typescript()
        if complaints := typescript.complaints.get(module.name):
            return "\n".join(complaints)
        if module.name not in self._placed:
            self._placed[module.name] = placed(module, typescript.folder, self.known)
        script = self._placed[module.name]
        if block.keeps_running:
            return self._wrong_alone(["node", str(script)], "")
        return self._wrong_ending(block, self._sessions.node(script, block.line, self.known.ids()))

    def _wrong_alone(self, command: list[str], expected: str) -> str | None:
        session = self._sessions.alone(command)
        said = session.output_until(lambda said: is_output_like(expected, said, self.known))
        return None if is_output_like(expected, said, self.known) else f"what came was\n{said}"

    def _wrong_ending(self, block: Block, ended: Ended) -> str | None:
        self.said = ended.output
        self.answer = _object_in(ended.output) or self.answer
        if ended.status != block.status:
            return f"ended with {ended.status}:\n{ended.output}"
        for shown, real in zip(block.ids, ids_in(ended.output), strict=bool(block.ids)):
            self.known.bind(shown, real)
        return None

    def write(self) -> None:
        """Write into the page what came instead of what it showed."""
        lines = self.page.read_text().splitlines()
        for block, came in reversed(self.came.items()):
            end = block.line - 1 + (block.code.count("\n") + 1 if block.code else 0)
            lines[block.line - 1 : end] = [(" " * block.depth + line).rstrip() for line in came.split("\n")]
        self.page.write_text("".join(f"{line}\n" for line in lines))


def _is_refusal(answer: Json) -> bool:
    return answer is not None and isinstance(answer.get("error"), dict)


def _object_in(said: str) -> Json:
    with contextlib.suppress(ValueError):
        found = json.loads(said)
        return found if isinstance(found, dict) else None
    return None


def modules_of_page(page: Path) -> list[Module]:
    """Return the TypeScript of a page."""
    stem = "_".join(page.with_suffix("").parts[-2:])
    blocks = [each for each in blocks_of(page.read_text()) if each.language in compiling.LANGUAGES and each.is_run]
    return modules_of(stem, blocks)


def commands_of(block: Block) -> list[tuple[str, str]]:
    """Return each command of a console, and the output that is shown below it."""
    commands: list[tuple[str, str]] = []
    is_open = False
    for line in block.code.split("\n"):
        command, output = commands[-1] if commands else ("", "")
        if line.startswith("$ "):
            commands.append((line[2:], ""))
        elif is_open:
            commands[-1] = (f"{command}\n{line}", "")
        else:
            commands[-1] = (command, f"{output}{line}\n")
        is_open = commands[-1][0].endswith("\\") and not commands[-1][1]
    return commands


def wrong_with_form(block: Block) -> str | None:
    """Return what can be seen to be wrong with a block without doing it."""
    if block.language not in KNOWN:
        return f"is in `{block.language}`, which nobody runs or reads; `text` is what is only shown"
    if block.mark == "not run" and not block.reason:
        return "is not run, for no reason"
    if block.language in SHELL:
        return _wrong_with_syntax(block)
    try:
        _READ.get(block.language, str)(block.code)
        compile(block.code if block.language == "python" else "", "block", "exec")
    except (ValueError, SyntaxError, yaml.YAMLError) as error:
        return str(error)
    return None


def _wrong_with_syntax(block: Block) -> str | None:
    code = "\n".join(command for command, _ in commands_of(block)) if block.language == "console" else block.code
    judged = subprocess.run(["bash", "-n"], input=code, capture_output=True, text=True, check=False)
    return judged.stderr or None


def environment(blueport: Blueport, folder: Path) -> dict[str, str]:
    """Return the environment of somebody who does what a page says, in *folder*, beside `make run`."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(("BLUEPORT_", "MESSAGES_"))}
    return others | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / ".config"),
        "MESSAGES_API_URL": blueport.said["api_url"],
        "MESSAGES_API_KEY": blueport.said["api_key"],
        "SIMULATOR_URL": blueport.said["simulator_url"],
        "LINE": blueport.line,
        "WEBHOOK_SECRET": "whsec_test",
    }


def furnish(folder: Path, blueport: Blueport) -> None:
    """Put into *folder* what lies around where a page is read: examples, what `make run` keeps, and some files."""
    (folder / ".blueport").symlink_to(blueport.folder)
    (folder / "examples").symlink_to(ROOT / "examples")
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(64))
    (folder / "ada.vcf").write_bytes(b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada\r\nN:;Ada;;;\r\nEND:VCARD\r\n")
    with wave.open(str(folder / "voice.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
        sound.writeframes(bytes(8000))


def reset(blueport: Blueport) -> None:
    """Undo what a page did to the account that all pages share."""
    for webhook in blueport.api("GET", "/v1/webhooks")["data"]:
        blueport.api("DELETE", "/v1/webhooks", {"id": webhook["id"]})
    settings: Iterable[str] = ("extended_events", "stop_handling", "pacing", "loop_guard")
    blueport.api("POST", "/v1/settings", dict.fromkeys(settings))
