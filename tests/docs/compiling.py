"""Compiles the TypeScript of all pages at once, with the SDK's own compiler, against the SDK as it is built."""

import json
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tests.docs.blocks import Block
from tests.docs.standing_in import GUID, ID, StandIns
from tests.sdks.node import PACKAGE, build

LANGUAGES = ("ts", "typescript", "js", "javascript", "mjs")
_OPTIONS = {
    "strict": True,
    "module": "nodenext",
    "moduleResolution": "nodenext",
    "target": "ES2022",
    "lib": ["ES2022", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
    "types": ["node"],
    "skipLibCheck": True,
    "noEmitOnError": False,
    "allowJs": True,
    "checkJs": False,
}
_AROUND = "declare function blockAt(line: number): Promise<void>;\n"
_LITERAL = re.compile(rf'"({ID.pattern}|{GUID.pattern}|[a-z]{{2,4}}_\.\.\.)"')


class Module(NamedTuple):
    """Blocks that share their variables: the first imports, the others go on with what it has."""

    name: str
    blocks: list[Block]

    def source(self) -> str:
        """Return it as a program whose line numbers are those of the page."""
        lines: list[str] = []
        for block in self.blocks:
            # The line before a block is the fence's.
            lines += [""] * (block.line - 2 - len(lines)) + [f"await blockAt({block.line});", *block.code.split("\n")]
        return "\n".join([*lines, "export {};", ""])


def modules_of(stem: str, blocks: Iterable[Block]) -> list[Module]:
    """Return the modules that a page's blocks make."""
    modules: list[Module] = []
    for block in blocks:
        begins = re.search(r"^import\b", block.code, re.MULTILINE) or not modules
        if begins or block.keeps_running:
            modules.append(Module(f"{stem}_{block.line}", []))
        modules[-1].blocks.append(block)
    return modules


class Compiled(NamedTuple):
    """The folder of all modules, as TypeScript and as what Node.js runs, and what the compiler says of each."""

    folder: Path
    complaints: dict[str, list[str]]


def compiled(modules: Iterable[Module], folder: Path) -> Compiled:
    """Compile all modules in *folder*."""
    build()
    (folder / "node_modules" / "@blueport").mkdir(parents=True)
    (folder / "node_modules" / "@blueport" / "sdk").symlink_to(PACKAGE)
    for name in ("zod", "@types", "undici-types"):
        (folder / "node_modules" / name).symlink_to(PACKAGE / "node_modules" / name)
    (folder / "around.d.ts").write_text(_AROUND)
    for module in modules:
        (folder / f"{module.name}.mts").write_text(module.source())
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": _OPTIONS, "include": ["*.mts", "*.d.ts"]}))
    complaints: dict[str, list[str]] = {}
    for line in _told_by_compiler(folder):
        complaints.setdefault(line.partition(".mts")[0], []).append(line)
    return Compiled(folder, complaints)


def _told_by_compiler(folder: Path) -> list[str]:
    tsc = PACKAGE / "node_modules" / "typescript" / "bin" / "tsc"
    ran = subprocess.run(["node", tsc, "--pretty", "false"], cwd=folder, capture_output=True, text=True, check=False)
    return ran.stdout.splitlines()


def placed(module: Module, folder: Path, known: StandIns) -> Path:
    """Write a module as Node.js is to run it, and return where: what an id stands for is asked once its turn comes."""
    program = (folder / f"{module.name}.mjs").read_text()
    script = folder / f"{module.name}.run.mjs"
    script.write_text(known.around(_LITERAL.sub(r'real("\1")', program)))
    return script
