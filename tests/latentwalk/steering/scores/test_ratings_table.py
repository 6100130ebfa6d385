"""Tables of ratings: the dialects that spreadsheets and scripts write, and the line numbers of refusals."""

from __future__ import annotations

import pytest

from latentwalk.errors import Invalid
from latentwalk.steering.scores.ratings import Rating
from latentwalk.steering.scores.ratings_table import read_csv


def test_a_table_is_read_with_its_classes() -> None:
    result = read_csv("﻿seed, score,class\r\n7, 4.5,blue\n\n8,1,\n".encode())
    assert result == [Rating(7, 4.5, {"blue": 1.0}), Rating(8, 1.0, {})]


@pytest.mark.parametrize(
    "data",
    [
        b"seed;score\n0;4.05\n1;7.5\n",
        b"seed;score\n0;4,05\n1;7,5\n",
        b'seed,score\n0,"4,05"\n1,"7,5"\n',
        b"seed\tscore\n0\t4.05\n1\t7.5\n",
        b"seed\tscore\n0\t4,05\n1\t7,5\n",
        b"sep=;\r\nseed;score\r\n0;4,05\r\n1;7,5\r\n",
        b"\xef\xbb\xbfsep=;\nseed;score\n0;4,05\n1;7,5\n",
        b"seed,score,rater,date\n0,4.05,me,2024-01-01\n1,7.5,me,2024-01-01\n",
        b"rater,score,seed\nme,4.05,0\nyou,7.5,1\n",
        b",seed,score\n0,0,4.05\n1,1,7.5\n",
        b"seed,score\n0.0,4.05\n1.0,7.5\n",
        b"Seed,Score,\n0,4.05,\n1,7.5,\n",
        b'"seed";"score"\n"0";"4,05"\n"1";"7,5"\n',
        "seed;score;Prüfer\n0;4,05;Jörg\n1;7,5;Jörg\n".encode("cp1252"),
        "seed\tscore\n0\t4,05\n1\t7,5\n".encode("utf-16"),
    ],
)
def test_every_dialect_of_spreadsheets_and_scripts_gives_the_same_ratings(data: bytes) -> None:
    assert read_csv(data) == [Rating(0, 4.05), Rating(1, 7.5)]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "first line"),
        (b"1,2\n3,4", "first line"),
        (b"seed,name\n1,x", "columns score"),
        (b"seed,score,score\n0,4.05,1", "same name, “score”"),
        (b"seed,score,Rater,rater\n0,4.05,a,b", "same name, “rater”"),
        (b"seed,score\n1,good", "Line 2"),
        (b"seed,score\n1,2\n-3,2", "Line 3"),
        (b"\n\nseed,score\n0,5\n\n\n1,x\n", "Line 7"),
        (b"sep=;\nseed;score\n0;5\n1;x\n", "Line 4"),
        (b'seed,score,note\n0,5,"two\nlines"\n1,x,\n', "Line 4"),
        (b"seed,score\n1,nan", "Line 2"),
        (b"seed,score\n1,1e300", "Line 2"),
        (b"seed,score\n1", "Line 2"),
        (b"seed,score\n1.5,2", "Line 2"),
        (b"seed,score\n0,4,05", "Line 2"),
        (b"seed;score\n0;4.5\n1;1,234", "Line 3"),
        (b"seed,score\n99999999999,1", "Line 2"),
        (b"\x89PNG\r\n\x1a\n\x00", "not a CSV table"),
        (b"seed,score\n" + b"1,2\n" * 20_001, "too many"),
    ],
)
def test_a_malformed_table_is_rejected_with_the_line_of_the_file(data: bytes, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        read_csv(data)
