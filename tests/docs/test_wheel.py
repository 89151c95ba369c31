"""An installation that is no checkout has the documentation too."""

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.docs.blocks import DOCS, ROOT, pages


def test_a_wheel_brings_every_page(tmp_path: Path) -> None:
    building = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(building, cwd=ROOT, check=True, capture_output=True)

    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()

    inside = {f"blueport/server/describing/docs/{page.relative_to(DOCS).as_posix()}" for page in pages()}
    assert inside <= set(names)
    assert "blueport/server/describing/docs/zensical.toml" in names
