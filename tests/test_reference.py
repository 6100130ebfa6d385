"""The generated reference pages: they are up to date, and name every setting, command and route."""

from __future__ import annotations

import re

import pytest

from server.cli.main import main
from server.settings import PREFIX, Settings
from tools.reference import FOLDER, pages

PAGES = pages()


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_is_up_to_date(name: str) -> None:
    stored = (FOLDER / name).read_text() if (FOLDER / name).is_file() else ""
    assert stored == PAGES[name], "run `make reference`"


def test_there_is_no_other_reference_page() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


@pytest.mark.parametrize("setting", Settings.model_fields)
def test_the_settings_page_names_every_setting_once(setting: str) -> None:
    assert PAGES["settings.md"].count(f"| `{PREFIX}{setting.upper()}` |") == 1


def test_the_command_line_page_names_exactly_the_existing_commands() -> None:
    headings = re.findall(r"^#+ latentwalk ([a-z]+)$", PAGES["cli.md"], re.MULTILINE)
    assert set(headings) == set(main.commands)


def test_the_http_page_gives_every_route_a_role() -> None:
    sections = PAGES["http-api.md"].partition("## Routes")[2].partition("## Schemas")[0].split("\n### ")[1:]
    assert len(sections) >= 40
    for section in sections:
        assert re.search(r"^Role: (none; no token is needed|viewer|editor|admin)\.$", section, re.MULTILINE), section
    for role in ("viewer", "editor", "admin"):
        assert any(f"\nRole: {role}." in section for section in sections)
