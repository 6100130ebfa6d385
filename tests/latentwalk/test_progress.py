"""Work: chunks that report, and a result."""

import pytest

from latentwalk.progress import Progress, finish, scale_progress


def counting(to):
    for number in range(to):
        yield Progress((number + 1) / to, f"Step {number + 1}")
    return to


def test_finishing_work_gives_its_result_and_reports_every_chunk():
    seen = []
    assert finish(counting(3), seen.append) == 3
    assert [progress.message for progress in seen] == ["Step 1", "Step 2", "Step 3"]


def test_work_without_a_chunk_still_has_a_result():
    assert finish(counting(0)) == 0


def test_a_part_is_squeezed_into_its_share_and_keeps_its_result():
    def whole():
        first = yield from scale_progress(counting(2), 0.0, 0.4)
        second = yield from scale_progress(counting(4), 0.4, 1.0)
        return first + second

    shares = []
    assert finish(whole(), lambda progress: shares.append(round(progress.share, 6))) == 6
    assert shares == [0.2, 0.4, 0.55, 0.7, 0.85, 1.0]


def test_closing_work_stops_it_where_it_is():
    ended = []

    def careful():
        try:
            yield from scale_progress(counting(5), 0.0, 1.0)
        finally:
            ended.append(True)

    work = careful()
    next(work)
    work.close()
    assert ended == [True]


def test_an_error_inside_a_part_comes_out():
    def failing():
        yield Progress(0.5, "Half")
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        finish(scale_progress(failing(), 0.0, 0.5))
