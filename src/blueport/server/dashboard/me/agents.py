"""Browsers by the names that people have for them; what is no browser that we know keeps its own words."""

import re

# All but the last bear the names of others too, so the first that fits is the one.
_BROWSERS = {
    r"Edg(?:e|A|iOS)?/": "Edge",
    r"OPR/": "Opera",
    r"SamsungBrowser/": "Samsung Internet",
    r"Firefox/|FxiOS/": "Firefox",
    r"HeadlessChrome/|Chrome/|CriOS/": "Chrome",
    r"Version/.* Safari/": "Safari",
}
_SYSTEMS = {
    r"iPhone": "iPhone",
    r"iPad": "iPad",
    r"Android": "Android",
    r"CrOS": "ChromeOS",
    r"Windows": "Windows",
    r"Mac OS X": "macOS",
    r"Linux|X11": "Linux",
}


def browser_of(agent: str) -> str:
    """Return what a browser that says it is *agent* is called, as in `Firefox on macOS`."""
    browser, system = _first(_BROWSERS, agent), _first(_SYSTEMS, agent)
    return f"{browser} on {system}" if browser and system else agent or "An unknown browser"


def _first(names: dict[str, str], agent: str) -> str | None:
    return next((name for pattern, name in names.items() if re.search(pattern, agent)), None)
