"""The files behind the dashboard: none that no page needs, and no class without its rule."""

import re
from collections import Counter
from pathlib import Path

from blueport.server import dashboard

HERE = Path(dashboard.__file__).parent
TEMPLATES = {str(path.relative_to(HERE / "templates")): path.read_text() for path in HERE.rglob("*.html")}
SOURCES = [path.read_text() for path in (*HERE.rglob("*.py"), *(HERE / "static").glob("*.js"))]
ALL = "".join((*TEMPLATES.values(), *SOURCES))
CSS = re.sub(r"/\*.*?\*/", "", (HERE / "static/dashboard.css").read_text(), flags=re.DOTALL)
NAME = re.compile(r"[a-zA-Z][\w-]*")
MACRO = re.compile(r"\{% macro (\w+)")


def ruled() -> set[str]:
    """Return the classes that the style sheet names."""
    return {name for selector in re.findall(r"([^{}]+)\{", CSS) for name in re.findall(r"\.([a-zA-Z][\w-]*)", selector)}


def written() -> tuple[set[str], tuple[str, ...]]:
    """Return the classes that stand in templates, and how those begin that are put together."""
    given = re.findall(r'class="((?:[^"{]|\{\{.*?\}\}|\{%.*?%\})*)"', "".join(TEMPLATES.values()))
    names = {name for each in given for name in NAME.findall(re.sub(r"\{[{%].*?[}%]\}", " ", each))}
    begun = tuple(name for name in names if name.endswith("-"))
    return names - {*begun}, begun


def test_each_class_has_a_rule() -> None:
    names, _ = written()
    assert names - ruled() == set()


def test_each_rule_is_of_a_class_that_a_page_has() -> None:
    _, begun = written()
    assert {name for name in ruled() - {*NAME.findall(ALL)} if not name.startswith(begun)} == set()


def test_no_rule_is_undone_by_another_for_the_same() -> None:
    selectors = re.findall(r"^([^@\s{}][^{}]*) \{", CSS, re.MULTILINE)
    assert [each for each, times in Counter(selectors).items() if times > 1] == []


def test_each_template_is_drawn() -> None:
    assert [name for name in TEMPLATES if f'"{name}"' not in ALL] == []


def test_each_macro_is_called() -> None:
    macros = [name for text in TEMPLATES.values() for name in MACRO.findall(text)]
    assert [name for name in macros if len(re.findall(rf"\b{name}\(", ALL)) < 2] == []


def test_each_static_file_is_brought_by_a_page() -> None:
    assert [path.name for path in (HERE / "static").iterdir() if f"asset('{path.name}')" not in ALL] == []
