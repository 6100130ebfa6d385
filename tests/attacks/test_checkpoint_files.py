"""Strangers' checkpoints that mean harm: all refused with a sentence, nothing run, nothing written, memory bounded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.sandbox.client import Sandbox, available
from tests.attacks.checkpoints import code_execution, corpus

ROOT = Path(__file__).parents[2]
NAMES = sorted(corpus("mark"))
MEGABYTES = 192  # that reading any of these may take on top of the program and the files themselves
SYSTEM = ("os.system", "os.system, protocol 2", "builtins.eval", "builtins.exec", "builtins.open", "INST", "protocol 0")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("attacks")


@pytest.fixture(scope="module")
def verdicts(folder: Path) -> dict[str, list]:
    """What a watched process says of every file."""
    files = folder / "files"
    files.mkdir()
    made = corpus(str(folder / "mark"))
    for number, name in enumerate(NAMES):
        (files / f"{number:03}.pkl").write_bytes(made[name])
    done = subprocess.run(
        [sys.executable, "-m", "tests.attacks.reader", str(files), str(MEGABYTES)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    return {name: told[f"{number:03}.pkl"] for number, name in enumerate(NAMES)}


def test_there_are_at_least_forty_of_them() -> None:
    assert len(NAMES) >= 40
    assert len(set(corpus("mark").values())) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_refused_with_a_sentence_and_nothing_happens(name: str, verdicts: dict[str, list], folder: Path) -> None:
    verdict, sentence, hint, seconds, events = verdicts[name]
    assert verdict == "refused", (verdict, sentence, hint)
    assert sentence.endswith(".")
    assert sentence[0].isupper()
    assert hint.endswith((".", ").")), hint
    assert len(sentence) < 400
    assert events == []
    assert not (folder / "mark").exists()
    assert seconds < 60


@pytest.mark.skipif(not (available()["landlock"] and available()["seccomp"]), reason="nothing can be locked in here")
def test_one_jail_refuses_them_all_one_after_another(tmp_path: Path) -> None:
    made = corpus(str(tmp_path / "mark"))
    with Sandbox("checkpoint", memory=MEGABYTES * 2**20, seconds=60) as jail:
        for name, data in made.items():
            answer = jail.call("read", {"opcodes": 300_000}, [np.frombuffer(data, np.uint8)])
            assert set(answer.body) == {"refused", "hint"}, name
            assert answer.arrays == []
    assert list(tmp_path.iterdir()) == []


def test_nothing_was_written_anywhere_near(verdicts: dict[str, list], folder: Path) -> None:
    assert len(verdicts) == len(NAMES)
    assert {path.name for path in folder.iterdir()} == {"files"}
    assert len(list((folder / "files").iterdir())) == len(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("runs ")])
def test_what_would_run_something_is_named_or_called_damaged(name: str, verdicts: dict[str, list]) -> None:
    sentence = verdicts[name][1]
    said = ("which no checkpoint needs", "behind the end", "not what PyTorch wrote", "no checkpoint of a kind")
    assert any(words in sentence for words in said), sentence


@pytest.mark.parametrize("name", SYSTEM)
def test_pythons_own_unpickler_would_have_run_it(name: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    file = tmp_path / "attack.pkl"
    file.write_bytes(code_execution(str(mark))[name])
    lenient = """
import pickle, sys, types
class Anything(pickle.Unpickler):
    def find_class(self, module, name):
        try:
            return super().find_class(module, name)
        except Exception:
            return lambda *a, **k: types.SimpleNamespace()
try:
    Anything(open(sys.argv[1], "rb")).load()
except Exception:
    pass
"""
    subprocess.run([sys.executable, "-c", lenient, str(file)], check=True, timeout=60)
    assert mark.exists(), "this attack is none"
