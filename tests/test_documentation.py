"""The documentation agrees with the repository: links, anchors, paths, `make` targets, and the size of the README."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README_LIMIT = 10_000  # bytes
LARGEST_FOLDER = 14
TOP = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
PAGES = [*TOP, *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")
LAYERS = ("latentwalk/", "server/", "models/", "static/", "templates/", "tests/", "docs/", "recipes/", "tools/")


def name_of(page: Path) -> str:
    """The path of a page from the root of the repository."""
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    """The text of a page without its code blocks."""
    return FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page: lower case, without punctuation, spaces as hyphens."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(prose(page)))
    return {heading.strip().replace(" ", "-") for heading in plain}


def links(page: Path) -> list[str]:
    """The relative links of a page."""
    return [link for link in LINK.findall(prose(page)) if not re.match(r"[a-z]+:", link)]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_and_anchor_resolves(page: Path) -> None:
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_path_in_code_type_exists(page: Path) -> None:
    paths = [code for code in CODE.findall(prose(page)) if code.startswith(LAYERS) and " " not in code]
    examples = [path for path in paths if re.search(r"[A-Z*{<]{2}|NAME", path)]  # `models/bundled/NAME` and the like
    assert not [path for path in paths if path not in examples and not (ROOT / path).exists()]


def test_every_make_target_in_the_documentation_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        target for page in PAGES for target in re.findall(r"(?:`|^    )make ([a-z]+)", page.read_text(), re.MULTILINE)
    }
    assert {"run", "test", "coverage", "reference", "pictures"} <= named
    assert named <= targets


def test_make_help_describes_every_target_that_people_call() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    described = set(re.findall(r'@echo "make ([a-z]+)', makefile))
    assert set(phony.split()) - {"help", "chromium"} == described


def test_the_readme_is_at_most_ten_kilobytes() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= README_LIMIT


def test_the_readme_links_every_page() -> None:
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in links(ROOT / "README.md")}
    assert not [name_of(page) for page in PAGES[1:] if page.resolve() not in linked]


def test_the_documentation_folder_has_at_most_fourteen_entries() -> None:
    assert len(list((ROOT / "docs").iterdir())) <= LARGEST_FOLDER
