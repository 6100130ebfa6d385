"""What each instruction of a pickle does to the machine that runs it (protocols 0 to 5, as pickletools lists them)."""

from __future__ import annotations

from collections.abc import Mapping

from models.importing.limits import Budget, FileRefused
from models.importing.unpickle.interpreter import PICKLE, GlobalsProtocol, PickleInterpreter, Step
from models.importing.unpickle.records import Many


def unpickled(data: memoryview, vocabulary: GlobalsProtocol, budget: Budget, start: int = 0) -> tuple[object, int]:
    """The value of the pickle that begins at `start`, in plain values and records, and the place behind it.

    Refused, with a sentence, for whatever is damaged, too much, or has no place in a checkpoint.
    """
    machine = PickleInterpreter(data, vocabulary, budget, STEPS, start)
    return machine.run(), machine.end


def _decimal(m: PickleInterpreter, long: bool) -> None:
    text = m.line()
    if len(text) > m.budget.limits.digits:
        raise FileRefused(f"{PICKLE}: it has a number too long to be one.")
    if not long and text in (b"00", b"01"):
        m.push(text == b"01")
    else:
        m.push(int(text.rstrip(b"L") if long else text))


def _string(m: PickleInterpreter) -> None:
    text = m.line()
    m.budget.words(len(text))
    if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"') or b"\\" in text:
        raise FileRefused(f"{PICKLE}: it has text without quotes.")
    m.push(text[1:-1].decode("latin-1"))


def _latin(m: PickleInterpreter, count: int) -> None:
    # Python 2 wrote both text and arrays' bytes like this; what is no ASCII, and what is long, is bytes.
    view = m.blob(count)
    try:
        m.push(view.decode("ascii") if isinstance(view, bytes) else view)
    except UnicodeDecodeError:
        m.push(view)


def _escaped(m: PickleInterpreter) -> None:
    text = m.line()
    m.budget.words(len(text))
    m.push(text.decode("raw-unicode-escape"))


def _tuple(count: int) -> Step:
    def step(m: PickleInterpreter) -> None:
        values = [m.pop() for _ in range(count)]
        m.push(tuple(reversed(values)))

    return step


def _pop(m: PickleInterpreter) -> None:
    if m.stack:
        m.pop()
    else:
        m.since()


def _pairs(m: PickleInterpreter) -> None:
    flat = m.since()
    m.push({})
    m.assign(flat)


def _set(m: PickleInterpreter) -> None:
    m.push(Many(m.since()))


def _append(m: PickleInterpreter) -> None:
    value = m.pop()
    m.append([value])


def _appends(m: PickleInterpreter) -> None:
    values = m.since()
    m.append(values)


def _setitem(m: PickleInterpreter) -> None:
    value, key = m.pop(), m.pop()
    m.assign([key, value])


def _setitems(m: PickleInterpreter) -> None:
    flat = m.since()
    m.assign(flat)


def _stack_global(m: PickleInterpreter) -> None:
    name, module = m.pop(), m.pop()
    m.name(module, name)


def _global(m: PickleInterpreter) -> None:
    module = m.line().decode()
    m.name(module, m.line().decode())


def _reduce(m: PickleInterpreter) -> None:
    args, what = m.pop(), m.pop()
    m.call(what, args)


def _newobj_ex(m: PickleInterpreter) -> None:
    named, args, what = m.pop(), m.pop(), m.pop()
    m.call(what, args if not named else (args, named))


def _inst(m: PickleInterpreter) -> None:
    module, name = m.line().decode(), m.line().decode()
    args = tuple(m.since())
    m.name(module, name)
    m.call(m.pop(), args)


def _obj(m: PickleInterpreter) -> None:
    what, *args = m.since()
    m.call(what, tuple(args))


def _proto(m: PickleInterpreter) -> None:
    if m.number("<B") > 5:
        raise FileRefused(f"{PICKLE}: it is of a later protocol than 5.")


def _frame(m: PickleInterpreter) -> None:
    size = m.number("<Q")
    if size > len(m.data) - m.at:
        raise FileRefused(
            f"{PICKLE}: it has a frame that is longer than the file.", "It may be cut off: fetch it again."
        )


def _extension(m: PickleInterpreter) -> None:
    raise FileRefused("It asks for extensions registered in somebody's Python, which no checkpoint needs.")


def _outside(m: PickleInterpreter) -> None:
    raise FileRefused(f"{PICKLE}: a part of it lies in another file.", "Save it again in one piece.")


STEPS: Mapping[int, Step] = {
    ord(key): step
    for key, step in {
        "(": PickleInterpreter.mark, "0": _pop, "1": lambda m: (m.since(), None)[1], "2": lambda m: m.push(m.stack[-1]),
        "N": lambda m: m.push(None), "\x88": lambda m: m.push(True), "\x89": lambda m: m.push(False),
        "I": lambda m: _decimal(m, False), "L": lambda m: _decimal(m, True), "J": lambda m: m.push(m.number("<i")),
        "K": lambda m: m.push(m.number("<B")), "M": lambda m: m.push(m.number("<H")),
        "\x8a": lambda m: m.push(m.whole(m.number("<B"))), "\x8b": lambda m: m.push(m.whole(m.number("<I"))),
        "F": lambda m: m.push(float(m.line()[:64])), "G": lambda m: m.push(m.number(">d")),
        "S": _string, "T": lambda m: _latin(m, m.number("<i")), "U": lambda m: _latin(m, m.number("<B")),
        "V": _escaped, "X": lambda m: m.push(m.text(m.number("<I"))), "\x8c": lambda m: m.push(m.text(m.number("<B"))),
        "\x8d": lambda m: m.push(m.text(m.number("<Q"))), "B": lambda m: m.push(m.blob(m.number("<I"))),
        "C": lambda m: m.push(m.blob(m.number("<B"))), "\x8e": lambda m: m.push(m.blob(m.number("<Q"))),
        "\x96": lambda m: m.push(m.blob(m.number("<Q"))), "\x97": _outside, "\x98": lambda m: None,
        ")": lambda m: m.push(()), "t": lambda m: m.push(tuple(m.since())), "\x85": _tuple(1), "\x86": _tuple(2),
        "\x87": _tuple(3), "]": lambda m: m.push([]), "l": lambda m: m.push(m.since()), "a": _append, "e": _appends,
        "}": lambda m: m.push({}), "d": _pairs, "s": _setitem, "u": _setitems, "\x8f": lambda m: m.push(Many()),
        "\x90": _appends, "\x91": _set, "c": _global, "\x93": _stack_global, "R": _reduce, "b": PickleInterpreter.build,
        "i": _inst, "o": _obj, "\x81": _reduce, "\x92": _newobj_ex, "P": lambda m: m.push(m.vocabulary.found(m.line())),
        "Q": lambda m: m.push(m.vocabulary.found(m.pop())), "p": lambda m: m.put(int(m.line()[:20])),
        "q": lambda m: m.put(m.number("<B")), "r": lambda m: m.put(m.number("<I")),
        "\x94": lambda m: m.put(len(m.memo)), "g": lambda m: m.push(m.memo[int(m.line()[:20])]),
        "h": lambda m: m.push(m.memo[m.number("<B")]), "j": lambda m: m.push(m.memo[m.number("<I")]),
        "\x80": _proto, "\x95": _frame, "\x82": _extension, "\x83": _extension, "\x84": _extension,
    }.items()
}  # fmt: skip
