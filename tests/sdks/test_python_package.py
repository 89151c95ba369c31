"""What people install: the client, and nothing else."""

import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

import blueport_sdk

SDK = Path(__file__).parents[2] / "sdks" / "python"
MODULES = {f"blueport_sdk/{path.name}" for path in (SDK / "src" / "blueport_sdk").iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with a wheel and a source distribution."""
    folder = tmp_path_factory.mktemp("built")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=SDK, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    [path] = built.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    [name] = [name for name in wheel.namelist() if name.endswith("/METADATA")]
    return Parser().parsestr(wheel.read(name).decode())


def test_the_wheel_has_all_modules_types_and_licence_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())

    its_own = {name.split("/", 1)[1] for name in names if ".dist-info/" in name}
    assert {name for name in names if ".dist-info/" not in name} == MODULES
    assert "blueport_sdk/py.typed" in MODULES
    assert its_own == {"METADATA", "WHEEL", "RECORD", "licenses/LICENSE"}


def test_it_asks_for_one_package_and_an_old_python(metadata: Message) -> None:
    assert [wanted.split("<")[0] for wanted in metadata.get_all("Requires-Dist", [])] == ["httpx2"]
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["Version"] == blueport_sdk.__version__
    assert metadata["License-Expression"] == "MIT"
    assert "pip install blueport-sdk" in metadata.get_payload()


def test_who_builds_it_from_source_has_what_it_takes(built: Path) -> None:
    [path] = built.glob("*.tar.gz")
    with tarfile.open(path) as source:
        names = {name.split("/", 1)[1] for name in source.getnames()}

    assert {f"src/{name}" for name in MODULES} <= names
    assert names - {f"src/{name}" for name in MODULES} - {".gitignore"} == {
        "LICENSE",
        "PKG-INFO",
        "README.md",
        "pyproject.toml",
    }
