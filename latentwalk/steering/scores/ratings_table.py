"""Tables of ratings as spreadsheets and scripts write them: comma, semicolon or tab, decimal point or decimal comma."""

from __future__ import annotations

import codecs
import csv
import io
import math
from collections.abc import Iterator, Sequence

from latentwalk.edit import LARGEST_SEED
from latentwalk.errors import Invalid
from latentwalk.steering.scores.ratings import MOST, Rating

SUFFIXES = (".csv", ".tsv", ".txt")
SEPARATORS = (",", ";", "\t", "|")
NEEDED = ("seed", "score")
LARGEST_SCORE = 1e9
HINT = "Use lines of seed,score below a header line; a class column is optional, other columns are ignored."

Row = tuple[int, list[str]]  # the number of a row's first line in the file, and its cells


def read_csv(data: bytes) -> list[Rating]:
    """Ratings from a table with the columns seed and score, optionally class, and any others, which are ignored.

    The separator is told from the header line, or by a line `sep=` before it. Raises Invalid, which names the first
    malformed line by its number in the file.
    """
    text = _decode(data)
    separator = _separator(text)
    try:
        rows = list(_rows(text, separator))
    except csv.Error:
        raise Invalid("The file is not a CSV table of ratings.", HINT) from None
    header = _header(rows[0][1] if rows else [])
    if len(rows) - 1 > MOST:
        raise Invalid(f"{len(rows) - 1} ratings are too many.", f"Use at most {MOST}.")
    columns = {name: header.index(name) for name in (*NEEDED, "class") if name in header}
    comma = _has_decimal_comma([cells for _, cells in rows[1:]], columns)
    ratings = []
    for number, cells in rows[1:]:
        try:
            ratings.append(_rating(cells, columns, len(header), comma))
        except ValueError:
            raise Invalid(f"Line {number} of the table does not hold a valid seed and score.", HINT) from None
    return ratings


def _decode(data: bytes) -> str:
    try:
        if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):  # "Unicode text" of spreadsheets
            text = data.decode("utf-16")
        else:
            text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")  # what spreadsheets on Windows write
    if any(ord(character) < 0x20 and character not in "\t\r\n" for character in text):
        raise Invalid("The file is not a CSV table of ratings.", HINT)
    return text


def _separator(text: str) -> str:
    # The separator with which the first line that is not blank has the needed columns; else a comma.
    first = next((line for line in io.StringIO(text) if line.strip()), "").strip("\r\n")
    if first.strip().strip('"').lower().startswith("sep=") and len(first.strip(' "')) >= 5:
        return first.strip(' "')[4]
    for separator in SEPARATORS:
        if set(NEEDED) <= {cell.strip().strip('"').strip().lower() for cell in first.split(separator)}:
            return separator
    return ","


def _rows(text: str, separator: str) -> Iterator[Row]:
    # A quoted cell may hold line breaks: a row's number is that of its first line.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    start, first = 1, True
    for cells in reader:
        number, start = start, reader.line_num + 1
        if not any(cell.strip() for cell in cells):
            continue
        declaration = first and cells[0].strip().lower().startswith("sep=")
        first = False
        if not declaration:
            yield number, [cell.strip() for cell in cells]


def _header(cells: Sequence[str]) -> list[str]:
    names = [name.lower() for name in cells]
    for name in names:
        if name and names.count(name) > 1:
            raise Invalid(
                f"Two columns of the table have the same name, “{name[:60]}”.", "Rename or remove one of them."
            )
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise Invalid(f"The first line of the table does not name the columns {' and '.join(missing)}.", HINT)
    return names


def _has_decimal_comma(rows: Sequence[Sequence[str]], columns: dict[str, int]) -> bool:
    # A comma in numbers is a decimal comma only where no number of the table has a point.
    numbers = [cells[columns[name]] for cells in rows for name in NEEDED if columns[name] < len(cells)]
    return any("," in number for number in numbers) and not any("." in number for number in numbers)


def _rating(cells: Sequence[str], columns: dict[str, int], width: int, comma: bool) -> Rating:
    if any(cells[width:]):
        raise ValueError
    values = {name: cells[index] if index < len(cells) else "" for name, index in columns.items()}
    seed, score = (float(values[name].replace(",", ".", 1) if comma else values[name]) for name in NEEDED)
    # Seeds may be written as floating-point numbers, as pandas does where a column had gaps.
    if not 0 <= seed <= LARGEST_SEED or seed != int(seed) or not abs(score) <= LARGEST_SCORE or math.isnan(score):
        raise ValueError
    return Rating(int(seed), score, {values["class"]: 1.0} if values.get("class") else {})
