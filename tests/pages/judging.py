"""Judges a page as everybody who uses it would: in each width and colour, by axe-core, and by whether it fits."""

from pathlib import Path
from typing import Any, Final, Literal

import axe_playwright_python
from playwright.sync_api import Page

# A page that takes it for its own, and not for what somebody has written, has another title from then on.
HOSTILE = "<img src=x onerror=\"document.title='pwned'\">"
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
# In this order one thing changes at a time, and the page is left as most people have it.
EACH: Final[tuple[tuple[int, Literal["light", "dark"]], ...]] = (
    (390, "light"),
    (390, "dark"),
    (1440, "dark"),
    (1440, "light"),
)
# All rules that are on by themselves. By the next frame the page has heard of its new width or scheme; colours that are
# still on their way to others are none that anybody reads.
_JUDGED = """async () => {
  await new Promise(requestAnimationFrame);
  document.getAnimations().filter(each => each instanceof CSSTransition).forEach(each => each.finish());
  const { violations } = await axe.run(document, {resultTypes: ['violations']});
  return { violations, overflows: document.documentElement.scrollWidth > window.innerWidth };
}"""


def assert_accessible(page: Page) -> None:
    """Fail if axe-core finds anything at a phone's width or a screen's, light or dark, or the page is wider."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(f"{AXE};0")
    for width, scheme in EACH:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        judged = page.evaluate(_JUDGED)
        assert _told(judged["violations"]) == [], f"{page.url} at {width} px, {scheme}"
        assert not judged["overflows"], f"{page.url} overflows {width} px"


def _told(violations: list[dict[str, Any]]) -> list[str]:
    return [
        f"{violation['id']}: {node['html'][:200]} ({node['failureSummary']})"
        for violation in violations
        for node in violation["nodes"]
    ]
