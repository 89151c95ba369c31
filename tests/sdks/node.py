"""Node.js, where there is one, and the TypeScript SDK as it is built with it."""

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "sdks" / "typescript"
OLDEST = 20
_PACKAGES = PACKAGE / "node_modules"
_BUILT = PACKAGE / "build" / ".built"


def node(*arguments: str | Path, folder: Path = PACKAGE, **environment: str) -> str:
    """Run Node.js in *folder* and return what it prints."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(("BLUEPORT_", "MESSAGES_"))}
    ran = subprocess.run(
        ["node", *map(str, arguments)],
        cwd=folder,
        env=others | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, f"node {' '.join(map(str, arguments))}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def tsc(*arguments: str | Path, folder: Path = PACKAGE) -> str:
    """Run the compiler in *folder*."""
    return node(_PACKAGES / "typescript" / "bin" / "tsc", *arguments, folder=folder)


def skip_without_node() -> None:
    """Skip the test where the SDK cannot be built."""
    found = (
        subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
        if shutil.which("node")
        else None
    )
    version = found.stdout.strip() if found else "none"
    if not version.startswith("v") or int(version[1:].split(".")[0]) < OLDEST:
        pytest.skip(f"no Node.js {OLDEST} or newer on this machine: {version}")
    if not (_PACKAGES / "typescript").exists():
        pytest.skip(f"no Node.js {OLDEST} or newer was here when `make` set {PACKAGE.name} up: no node_modules")


def build() -> None:
    """Build the package and its tests, unless that was done since they were last changed."""
    with _alone():
        if _BUILT.exists() and _BUILT.stat().st_mtime > max(file.stat().st_mtime for file in _sources()):
            return
        node("build.mjs")
        shutil.rmtree(_BUILT.parent, ignore_errors=True)
        tsc("--project", "tsconfig.test.json")
        _BUILT.touch()


def packed(folder: Path) -> Path:
    """Install what `npm pack` makes into *folder*, as npm does, and return its tarball."""
    packing = ["npm", "pack", "--ignore-scripts", "--json", "--pack-destination", str(folder)]
    said = subprocess.run(packing, cwd=PACKAGE, capture_output=True, text=True, check=True).stdout
    tarball = folder / json.loads(said)[0]["filename"]
    place = folder / "node_modules" / "@blueport" / "sdk"
    place.mkdir(parents=True)
    subprocess.run(["tar", "-xzf", tarball, "--strip-components=1", "-C", place], check=True)
    for name in ("zod", "@types", "undici-types"):
        (folder / "node_modules" / name).symlink_to(_PACKAGES / name)
    return tarball


def _sources() -> Iterator[Path]:
    yield from PACKAGE.glob("*.*")
    yield from PACKAGE.glob("src/*")
    yield from PACKAGE.glob("test/*")


@contextmanager
def _alone() -> Iterator[None]:
    """Keep other processes that test from building at the same time."""
    with (_PACKAGES / ".building").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
