"""The effect of each pickle opcode on the interpreter (protocols 0 to 5, as pickletools lists them)."""

from __future__ import annotations

from collections.abc import Mapping

from models.importing.limits import Budget, FileRefused
from models.importing.unpickle.interpreter import INVALID, GlobalsProtocol, Opcode, PickleInterpreter
from models.importing.unpickle.records import SetRecord
from models.importing.unpickle.tensor_bytes import CUT_OFF


def unpickle(
    data: memoryview, pickle_globals: GlobalsProtocol, budget: Budget, position: int = 0
) -> tuple[object, int]:
    """The value of the pickle that begins at byte `position`, in plain values and records, and the byte behind it.

    Raises FileRefused for a pickle that is damaged, exceeds a limit, or has no place in a checkpoint.
    """
    interpreter = PickleInterpreter(data, pickle_globals, budget, OPCODES, position)
    return interpreter.run(), interpreter.position


def _push_decimal(m: PickleInterpreter, long: bool) -> None:
    text = m.read_line()
    if len(text) > m.budget.limits.digits:
        raise FileRefused(f"{INVALID}: an integer is too long.")
    if not long and text in (b"00", b"01"):
        m.push(text == b"01")
    else:
        m.push(int(text.rstrip(b"L") if long else text))


def _push_quoted(m: PickleInterpreter) -> None:
    text = m.read_line()
    m.budget.count_text(len(text))
    if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"') or b"\\" in text:
        raise FileRefused(f"{INVALID}: a string has no quotes.")
    m.push(text[1:-1].decode("latin-1"))


def _push_python2_string(m: PickleInterpreter, count: int) -> None:
    # Python 2 wrote both text and the bytes of arrays like this: long or non-ASCII values are taken for bytes.
    view = m.read_blob(count)
    try:
        m.push(view.decode("ascii") if isinstance(view, bytes) else view)
    except UnicodeDecodeError:
        m.push(view)


def _push_escaped(m: PickleInterpreter) -> None:
    text = m.read_line()
    m.budget.count_text(len(text))
    m.push(text.decode("raw-unicode-escape"))


def _push_tuple(count: int) -> Opcode:
    def push(m: PickleInterpreter) -> None:
        values = [m.pop() for _ in range(count)]
        m.push(tuple(reversed(values)))

    return push


def _pop(m: PickleInterpreter) -> None:
    if m.stack:
        m.pop()
    else:
        m.pop_mark()


def _push_dict(m: PickleInterpreter) -> None:
    flat = m.pop_mark()
    m.push({})
    m.set_items(flat)


def _append(m: PickleInterpreter) -> None:
    value = m.pop()
    m.extend([value])


def _extend(m: PickleInterpreter) -> None:
    values = m.pop_mark()
    m.extend(values)


def _set_item(m: PickleInterpreter) -> None:
    value, key = m.pop(), m.pop()
    m.set_items([key, value])


def _set_items(m: PickleInterpreter) -> None:
    flat = m.pop_mark()
    m.set_items(flat)


def _stack_global(m: PickleInterpreter) -> None:
    name, module = m.pop(), m.pop()
    m.push_global(module, name)


def _global(m: PickleInterpreter) -> None:
    module = m.read_line().decode()
    m.push_global(module, m.read_line().decode())


def _reduce(m: PickleInterpreter) -> None:
    args, callee = m.pop(), m.pop()
    m.push_call(callee, args)


def _newobj_ex(m: PickleInterpreter) -> None:
    keywords, args, callee = m.pop(), m.pop(), m.pop()
    m.push_call(callee, (args, keywords) if keywords else args)


def _inst(m: PickleInterpreter) -> None:
    module, name = m.read_line().decode(), m.read_line().decode()
    args = tuple(m.pop_mark())
    m.push_global(module, name)
    m.push_call(m.pop(), args)


def _obj(m: PickleInterpreter) -> None:
    callee, *args = m.pop_mark()
    m.push_call(callee, tuple(args))


def _proto(m: PickleInterpreter) -> None:
    if m.read_struct("<B") > 5:
        raise FileRefused(f"{INVALID}: its protocol is later than 5.")


def _frame(m: PickleInterpreter) -> None:
    size = m.read_struct("<Q")
    if size > len(m.data) - m.position:
        raise FileRefused(f"{INVALID}: a frame is longer than the file.", CUT_OFF)


def _extension(m: PickleInterpreter) -> None:
    raise FileRefused("The pickle uses the extension registry (copyreg), which no checkpoint needs.")


def _out_of_band(m: PickleInterpreter) -> None:
    raise FileRefused(f"{INVALID}: a buffer lies in another file.", "Save the checkpoint again as one file.")


OPCODES: Mapping[int, Opcode] = {
    ord(code): effect
    for code, effect in {
        "(": PickleInterpreter.mark, "0": _pop, "1": lambda m: (m.pop_mark(), None)[1],
        "2": lambda m: m.push(m.stack[-1]), "N": lambda m: m.push(None), "\x88": lambda m: m.push(True),
        "\x89": lambda m: m.push(False), "I": lambda m: _push_decimal(m, False), "L": lambda m: _push_decimal(m, True),
        "J": lambda m: m.push(m.read_struct("<i")), "K": lambda m: m.push(m.read_struct("<B")),
        "M": lambda m: m.push(m.read_struct("<H")), "\x8a": lambda m: m.push(m.read_integer(m.read_struct("<B"))),
        "\x8b": lambda m: m.push(m.read_integer(m.read_struct("<I"))),
        "F": lambda m: m.push(float(m.read_line()[:64])), "G": lambda m: m.push(m.read_struct(">d")),
        "S": _push_quoted, "T": lambda m: _push_python2_string(m, m.read_struct("<i")),
        "U": lambda m: _push_python2_string(m, m.read_struct("<B")), "V": _push_escaped,
        "X": lambda m: m.push(m.read_text(m.read_struct("<I"))),
        "\x8c": lambda m: m.push(m.read_text(m.read_struct("<B"))),
        "\x8d": lambda m: m.push(m.read_text(m.read_struct("<Q"))),
        "B": lambda m: m.push(m.read_blob(m.read_struct("<I"))),
        "C": lambda m: m.push(m.read_blob(m.read_struct("<B"))),
        "\x8e": lambda m: m.push(m.read_blob(m.read_struct("<Q"))),
        "\x96": lambda m: m.push(m.read_blob(m.read_struct("<Q"))), "\x97": _out_of_band, "\x98": lambda m: None,
        ")": lambda m: m.push(()), "t": lambda m: m.push(tuple(m.pop_mark())), "\x85": _push_tuple(1),
        "\x86": _push_tuple(2), "\x87": _push_tuple(3), "]": lambda m: m.push([]), "l": lambda m: m.push(m.pop_mark()),
        "a": _append, "e": _extend, "}": lambda m: m.push({}), "d": _push_dict, "s": _set_item, "u": _set_items,
        "\x8f": lambda m: m.push(SetRecord()), "\x90": _extend, "\x91": lambda m: m.push(SetRecord(m.pop_mark())),
        "c": _global, "\x93": _stack_global, "R": _reduce, "b": PickleInterpreter.build, "i": _inst, "o": _obj,
        "\x81": _reduce, "\x92": _newobj_ex, "P": lambda m: m.push(m.pickle_globals.persistent_load(m.read_line())),
        "Q": lambda m: m.push(m.pickle_globals.persistent_load(m.pop())),
        "p": lambda m: m.memoize(int(m.read_line()[:20])),
        "q": lambda m: m.memoize(m.read_struct("<B")), "r": lambda m: m.memoize(m.read_struct("<I")),
        "\x94": lambda m: m.memoize(len(m.memo)), "g": lambda m: m.push(m.memo[int(m.read_line()[:20])]),
        "h": lambda m: m.push(m.memo[m.read_struct("<B")]), "j": lambda m: m.push(m.memo[m.read_struct("<I")]),
        "\x80": _proto, "\x95": _frame, "\x82": _extension, "\x83": _extension, "\x84": _extension,
    }.items()
}  # fmt: skip
