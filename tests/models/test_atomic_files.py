"""Files are wholly there or not at all, whatever fails meanwhile."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from latentwalk.errors import StorageFailed
from models import atomic_files

STEPS = ("mkdir", "mkstemp", "write", "fsync", "chmod", "replace")


def _litter(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.name.endswith(atomic_files.PART)]


def test_what_is_written_can_be_read_and_leaves_nothing_else(tmp_path: Path) -> None:
    atomic_files.write(tmp_path / "deep" / "a.bin", b"first")
    atomic_files.write(tmp_path / "deep" / "a.bin", b"second")
    assert (tmp_path / "deep" / "a.bin").read_bytes() == b"second"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.bin"]


def test_a_file_others_may_read_is_not_left_private(tmp_path: Path) -> None:
    atomic_files.write(tmp_path / "a", b"x")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS])
@pytest.mark.parametrize("step", STEPS)
def test_a_failure_at_any_step_keeps_the_old_file_and_leaves_no_litter(
    step: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a.bin"
    atomic_files.write(target, b"old")

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(code, os.strerror(code))

    owners: dict[str, tuple[object, str]] = {
        "mkdir": (Path, "mkdir"),
        "mkstemp": (atomic_files.tempfile, "mkstemp"),
        "write": (Path, "open"),
        "fsync": (os, "fsync"),
        "chmod": (os, "chmod"),
        "replace": (os, "replace"),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*owners[step], fail)
        with pytest.raises(StorageFailed) as caught:
            atomic_files.write(target, b"new")
    assert str(caught.value).endswith(".")
    assert caught.value.hint
    assert target.read_bytes() == b"old"
    assert not _litter(tmp_path)


def test_every_sync_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counting(fail_at: int) -> Callable[[int], None]:
        def fsync(handle: int) -> None:
            calls.append(handle)
            if len(calls) == fail_at:
                raise OSError(errno.EIO, "Input/output error")

        return fsync

    for fail_at in (1, 2):
        calls.clear()
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", counting(fail_at))
            with pytest.raises(StorageFailed, match="could not be saved"):
                atomic_files.write(tmp_path / "a", b"x")
        assert not _litter(tmp_path)


def test_a_really_full_disk_is_one_sentence(tmp_path: Path) -> None:
    code = (
        "import resource, sys, signal; from pathlib import Path; from models import atomic_files\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "path = Path(sys.argv[1]); atomic_files.write(path, b'old')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: atomic_files.write(path, b'x' * 100000)\n"
        "except Exception as error: assert 'disk is full' in str(error), error\n"
        "else: raise SystemExit('nothing was raised')\n"
        "assert path.read_bytes() == b'old' and len(list(path.parent.iterdir())) == 1"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], check=True, cwd=Path(__file__).parents[2])


def test_an_error_of_the_writer_itself_is_passed_on(tmp_path: Path) -> None:
    def half() -> None:
        with atomic_files.replacing(tmp_path / "a") as part:
            part.write_bytes(b"half")
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        half()
    assert not list(tmp_path.iterdir())


def test_sweeping_removes_only_what_a_dead_process_left(tmp_path: Path) -> None:
    old, young, kept = tmp_path / ".a.x.part", tmp_path / ".b.y.part", tmp_path / "c.part"
    for path in (old, young, kept):
        path.write_bytes(b"")
    os.utime(old, (0, 0))
    os.utime(kept, (0, 0))
    atomic_files.remove_stale(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.y.part", "c.part"]


def test_sweeping_removes_models_that_were_half_fetched(tmp_path: Path) -> None:
    half, young, whole = (tmp_path / "generators" / name for name in (".faces-ab12", ".eyes-cd34", "faces"))
    for path in (half, young, whole):
        path.mkdir(parents=True)
        (path / "weights").write_bytes(b"")
    for path in (half, whole):
        os.utime(path, (0, 0))
    atomic_files.remove_stale(tmp_path)
    assert sorted(path.name for path in (tmp_path / "generators").iterdir()) == [".eyes-cd34", "faces"]


def test_an_unwritable_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file where a folder should be")
    with pytest.raises(StorageFailed):
        atomic_files.write(tmp_path / "blocked" / "a", b"x")
