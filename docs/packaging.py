"""Puts the documentation into a wheel: its pages, of which the texts are made, and the site, if it is built."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INSIDE = "blueport/server/describing"


class Documented(BuildHookInterface[Any]):
    """Has a wheel hold what a checkout has in docs/ and build/docs/site; who works in a checkout has both there."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name what to put where."""
        root = Path(self.root)
        if version == "editable":
            return
        pages = [*(root / "docs").rglob("*.md"), root / "docs" / "zensical.toml"]
        within = {page: f"{INSIDE}/docs/{page.relative_to(root / 'docs').as_posix()}" for page in pages}
        site = root / "build" / "docs" / "site"
        within |= {site: f"{INSIDE}/site"} if site.exists() else {}
        build_data["force_include"] |= {str(path): place for path, place in within.items()}
