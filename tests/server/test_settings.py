"""Settings: their order of precedence, their validation, and the errors for values that are not allowed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from latentwalk.errors import Invalid
from server.settings import PREFIX, Settings


def test_arguments_override_the_environment_which_overrides_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTWALK_PORT", "8100")
    monkeypatch.setenv("LATENTWALK_DEVICE", "cpu")
    settings = Settings.read(port=8200)
    assert (settings.port, settings.device, settings.host) == (8200, "cpu", "127.0.0.1")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("LATENTWALK_MAX_BACTH", "3", "There is no setting LATENTWALK_MAX_BACTH"),
        ("LATENTWALK_PORT", "70000", "The setting port is wrong"),
        ("LATENTWALK_PORT", "eighty", "The setting port is wrong"),
        ("LATENTWALK_DEVICE", "toaster", "The setting device is wrong"),
        ("LATENTWALK_MAX_BATCH", "0", "The setting max_batch is wrong"),
    ],
)
def test_an_unknown_setting_or_a_value_out_of_range_is_refused(
    name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Invalid) as caught:
        Settings.read()
    assert str(caught.value).startswith(message)
    assert str(caught.value).count("\n") == 0


def test_host_names_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTWALK_ALLOWED_HOSTS", "lab.local, studio.local")
    assert Settings.read().allowed_hosts == ("lab.local", "studio.local")


def test_settings_survive_a_round_trip_through_json() -> None:
    settings = Settings.read(allowed_hosts=("a", "b"), home=Path("/somewhere"))
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


def test_every_setting_has_a_description() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_settings_are_immutable() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings.read().port = 1  # type: ignore[misc]


def test_importing_reads_nothing_from_the_environment() -> None:
    code = "import os; os.environ.clear(); os.environ['LATENTWALK_NONSENSE'] = '1'; import server.settings, server.app"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
    assert PREFIX == "LATENTWALK_"
