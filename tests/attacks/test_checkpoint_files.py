"""Malicious and invalid checkpoints: all refused with a message, nothing executed or written, memory bounded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.sandbox.client import Sandbox
from tests.attacks.checkpoints import code_execution, corpus
from tests.models.sandbox.markers import needs_isolation

ROOT = Path(__file__).parents[2]
NAMES = sorted(corpus("marker"))
MEGABYTES = 192  # that reading one of them may take on top of the program and the files
EXECUTED = (
    "os.system",
    "os.system, protocol 2",
    "builtins.eval",
    "builtins.exec",
    "builtins.open",
    "INST",
    "protocol 0",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("attacks")


@pytest.fixture(scope="module")
def verdicts(folder: Path) -> dict[str, list]:
    """The verdict of an audited process on every file."""
    files = folder / "files"
    files.mkdir()
    files_by_name = corpus(str(folder / "marker"))
    for number, name in enumerate(NAMES):
        (files / f"{number:03}.pkl").write_bytes(files_by_name[name])
    done = subprocess.run(
        [sys.executable, "-m", "tests.attacks.reader", str(files), str(MEGABYTES)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads(done.stdout)
    return {name: answers[f"{number:03}.pkl"] for number, name in enumerate(NAMES)}


def test_the_corpus_has_at_least_forty_distinct_files() -> None:
    assert len(NAMES) >= 40
    assert len(set(corpus("marker").values())) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_refused_with_a_message_and_no_effect(name: str, verdicts: dict[str, list], folder: Path) -> None:
    verdict, message, hint, seconds, events = verdicts[name]
    assert verdict == "refused", (verdict, message, hint)
    assert message.endswith(".")
    assert message[0].isupper()
    assert hint.endswith((".", ").")), hint
    assert len(message) < 400
    assert events == []
    assert not (folder / "marker").exists()
    assert seconds < 20


@needs_isolation
def test_one_sandbox_refuses_all_files_in_turn(tmp_path: Path) -> None:
    files_by_name = corpus(str(tmp_path / "marker"))
    with Sandbox("checkpoint", memory=MEGABYTES * 2**20, seconds=60) as sandbox:
        for name, data in files_by_name.items():
            answer = sandbox.call("read", {"opcodes": 300_000}, [np.frombuffer(data, np.uint8)])
            assert set(answer.body) == {"refused", "hint"}, name
            assert answer.arrays == []
    assert list(tmp_path.iterdir()) == []


def test_no_file_was_written(verdicts: dict[str, list], folder: Path) -> None:
    assert len(verdicts) == len(NAMES)
    assert {path.name for path in folder.iterdir()} == {"files"}
    assert len(list((folder / "files").iterdir())) == len(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("runs ")])
def test_code_execution_is_refused_for_its_reason(name: str, verdicts: dict[str, list]) -> None:
    message = verdicts[name][1]
    reasons = (
        "which no checkpoint needs",
        "behind the end",
        "header of the PyTorch file is invalid",
        "not a checkpoint",
    )
    assert any(reason in message for reason in reasons), message


LENIENT_UNPICKLER = """
import pathlib, pickle, sys, types
class Anything(pickle.Unpickler):
    def find_class(self, module, name):
        try:
            return super().find_class(module, name)
        except Exception:
            return lambda *a, **k: types.SimpleNamespace()
for path in pathlib.Path(sys.argv[1]).glob("*.pkl"):
    try:
        Anything(path.open("rb")).load()
    except Exception:
        pass
"""


@pytest.fixture(scope="module")
def unpickled_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the attacks' markers, after Python's own unpickler loaded each attack."""
    folder = tmp_path_factory.mktemp("unpickled")
    attacks = code_execution(str(folder / "marker-?"))
    for number, name in enumerate(EXECUTED):
        (folder / f"{number}.pkl").write_bytes(attacks[name].replace(b"marker-?", b"marker-%d" % number))
    subprocess.run([sys.executable, "-W", "ignore", "-c", LENIENT_UNPICKLER, str(folder)], check=True, timeout=60)
    return folder


@pytest.mark.parametrize("name", EXECUTED)
def test_pythons_own_unpickler_executes_the_attacks(name: str, unpickled_folder: Path) -> None:
    assert (unpickled_folder / f"marker-{EXECUTED.index(name)}").exists(), "the attack has no effect"
