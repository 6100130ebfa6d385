"""What the names in a checkpoint's pickle become: a few are records that hold numbers, all others stay inert."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from models.importing.limits import Budget, FileRefused
from models.importing.unpickle import tensor_bytes
from models.importing.unpickle.records import Array, DType, Inert, Many, Name, Node, Storage, Tensor

# Calls into these change or reach something outside the file. No checkpoint needs one, so the whole file is refused.
DANGEROUS = {
    "os", "posix", "nt", "posixpath", "ntpath", "sys", "subprocess", "_posixsubprocess", "importlib", "imp", "runpy",
    "socket", "_socket", "ssl", "ctypes", "_ctypes", "cffi", "shutil", "pty", "code", "codeop", "pickle", "_pickle",
    "cPickle", "marshal", "shelve", "webbrowser", "multiprocessing", "threading", "_thread", "concurrent", "asyncio",
    "signal", "commands", "popen2", "pdb", "bdb", "timeit", "cProfile", "profile", "trace", "doctest", "pip",
    "setuptools", "distutils", "urllib", "urllib2", "http", "httplib", "ftplib", "smtplib", "telnetlib", "requests",
    "aiohttp", "operator", "_operator", "io", "_io", "tempfile", "fileinput", "glob", "inspect", "gc", "site",
    "builtins", "linecache", "idlelib", "lib2to3", "platform", "pkgutil", "zipimport", "ensurepip", "venv", "joblib",
    "mmap", "sqlite3", "xmlrpc", "logging", "atexit", "faulthandler", "curses", "readline", "rlcompleter",
}  # fmt: skip
HARMLESS = {
    "set", "frozenset", "dict", "list", "tuple", "int", "float", "complex", "bool", "str", "bytes", "bytearray",
    "slice", "range", "object", "NoneType", "Ellipsis", "long", "unicode", "xrange",
}  # fmt: skip
RUNNERS = {
    ("torch", "load"), ("torch.serialization", "load"), ("torch.hub", "load"), ("numpy", "load"),
    ("numpy.testing._private.utils", "runstring"), ("numpy.testing.utils", "runstring"), ("torch.jit", "load"),
    ("torch._utils_internal", "eval"), ("numpy", "fromfile"), ("numpy", "save"), ("torch", "save"),
    ("pandas", "eval"), ("pandas", "read_pickle"), ("types", "FunctionType"), ("types", "CodeType"),
    ("torch.utils.cpp_extension", "load"), ("torch.utils.cpp_extension", "load_inline"),
}  # fmt: skip
RENAMED = {"numpy.core": "numpy._core", "__builtin__": "builtins", "numpy.core.multiarray": "numpy._core.multiarray"}
RENAMED["numpy.core.numeric"] = "numpy._core.numeric"
INNER = {"os", "sys", "subprocess", "builtins", "importlib", "shutil", "socket", "ctypes", "eval", "exec", "system"}
MOST_NAMES = 5_000


def renamed(name: Name) -> Name:
    """The name as today's Python and numpy have it."""
    return Name(RENAMED.get(name.module, name.module), name.name)


def is_dangerous(name: Name) -> bool:
    """Whether a name reaches beyond the file: programs, files, the network, Python's own workings."""
    top = name.module.split(".")[0]
    if top == "builtins":
        return name.name not in HARMLESS
    parts = {*name.module.split(".")[1:], *name.name.split(".")}  # a module's module leads everywhere, too
    dunder = any(part.startswith("__") for part in parts)
    return top in DANGEROUS or (name.module, name.name) in RUNNERS or dunder or bool(parts & INNER)


class PickleGlobals:
    """The vocabulary of one file: knows its names, and where its storages lie. `inner` while a storage is read."""

    def __init__(self, budget: Budget, storages: Callable[[Any], Storage] | None = None, inner: bool = False) -> None:
        self.budget, self.storages, self.inner = budget, storages, inner
        self.names: dict[Name, bool] = {}  # and whether it was made inert

    def named(self, name: Name) -> Name:
        name = renamed(name)
        if is_dangerous(name):
            raise FileRefused(
                f"It asks for “{str(name)[:100]}”, which no checkpoint needs. Nothing of it was run.",
                "Do not open this file with any tool, and tell where you have it from.",
            )
        if len(self.names) >= MOST_NAMES:
            raise FileRefused("It names more things than any checkpoint does.")
        self.names[name] = (name.module, name.name) not in KNOWN and storage_kind(name) is None
        return name

    def made(self, name: Any, args: Any) -> Any:
        known = KNOWN.get((name.module, name.name)) if isinstance(name, Name) else None
        if known is None:
            return Inert(name if isinstance(name, Name) else None, args)
        if not isinstance(args, tuple):
            raise FileRefused(f"It makes a {str(name)[:80]} out of something else than it is made of.")
        return known(self, *args)

    def stated(self, target: Any, state: Any) -> None:
        if isinstance(target, Inert):
            target.state = state
        elif isinstance(target, DType) and isinstance(state, tuple) and len(state) >= 5:
            if any(part is not None for part in state[2:5]) or not isinstance(state[1], str):
                target.code = "V"  # of several parts: never decoded
            else:
                target.order = state[1]
        elif isinstance(target, Array) and isinstance(state, tuple) and len(state) in (4, 5):
            *_, shape, kind, fortran, data = state
            _fill(target, shape, kind, fortran, data)
        elif not (isinstance(target, dict) and isinstance(state, dict)):  # a state dict's own attributes say nothing
            raise FileRefused("It gives a state to something that has none.")

    def found(self, key: Any) -> Storage:
        if self.storages is None:
            raise FileRefused("A part of it lies in another file.", "Save it again in one piece.")
        return self.storages(key)


def storage_kind(name: Name) -> str | None:
    """The kind of number in a torch storage class, None for another class."""
    if name.module not in ("torch", "torch.cuda", "torch.storage") or not name.name.endswith("Storage"):
        return None
    return tensor_bytes.KINDS.get(name.name.removesuffix("Storage"))


def described(key: Any) -> tuple[str, str, int]:
    """What a persistent id says of a storage: its kind of number, its key, and how many numbers it has."""
    whole = isinstance(key, tuple) and len(key) in (5, 6) and key[0] == "storage" and isinstance(key[1], Name)
    kind = storage_kind(key[1]) if whole else None
    if kind is None or not isinstance(key[2], str) or type(key[4]) is not int or not 0 <= key[4] < 2**40:
        raise FileRefused("It asks for something outside that is no tensor's numbers.")
    if len(key) == 6 and key[5] is not None:
        raise FileRefused("Its storages are parts of others, as only very old PyTorch wrote them.", "Save it anew.")
    return kind, key[2], key[4]


def _fill(target: Array, shape: Any, kind: Any, fortran: Any, data: Any) -> None:
    target.shape, target.fortran = tensor_bytes.sides(shape), bool(fortran)
    target.dtype = kind if isinstance(kind, DType) else None
    target.data = data if isinstance(data, bytes | memoryview) else data.encode("ascii") if _is_text(data) else b""


def _is_text(data: Any) -> bool:
    return isinstance(data, str) and data.isascii()


def _mapping(words: PickleGlobals, *args: Any) -> dict[Any, Any]:
    rows = args[0] if args and isinstance(args[0], list) else []
    return {row[0]: row[1] for row in rows if isinstance(row, list | tuple) and len(row) == 2 and type(row[0]) is str}


def _members(words: PickleGlobals, items: Any = ()) -> Many:
    return Many(list(items) if isinstance(items, list | tuple) else [])


def _bytes(words: PickleGlobals, text: Any = "", encoding: Any = "latin1") -> bytes | memoryview:
    if isinstance(text, bytes | memoryview):  # Python 2's text that was no text
        return text
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise FileRefused("It has bytes written as text in an encoding that checkpoints do not use.")
    return text.encode("latin1", "replace")


def _tensor(words: PickleGlobals, storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> Tensor:
    shape, stride = tensor_bytes.sides(shape), tensor_bytes.sides(stride)
    if not isinstance(storage, Storage) or type(offset) is not int or offset < 0 or len(shape) != len(stride):
        raise FileRefused("One of its tensors is made of something else than numbers.")
    return Tensor(storage, offset, shape, stride)


def _parameter(words: PickleGlobals, data: Any, *_: Any) -> Any:
    return data


def _nested(words: PickleGlobals, data: Any) -> Storage:
    from models.importing.formats.torch_legacy import storage  # which reads with a vocabulary of its own

    if words.inner or not isinstance(data, bytes | memoryview):
        raise FileRefused("It has files inside files inside files, which no checkpoint needs.")
    found, names = storage(memoryview(data), words.budget)
    words.names.update(names)
    return found


def _node(words: PickleGlobals, meta: Any) -> Any:
    if not isinstance(meta, dict) or meta.get("type") != "class" or not isinstance(meta.get("state"), dict):
        return Inert(Name("torch_utils.persistence", "_reconstruct_persistent_obj"), (meta,))
    return Node(str(meta.get("class_name"))[:100], str(meta.get("module_src") or ""), meta["state"])


def _reconstruct(words: PickleGlobals, *_: Any) -> Array:
    return Array()


def _dtype(words: PickleGlobals, code: Any, *_: Any) -> DType:
    return DType(code if isinstance(code, str) else "V", "=")


def _scalar(words: PickleGlobals, kind: Any, data: Any = b"") -> Any:
    if not isinstance(kind, DType) or kind.code not in tensor_bytes.CODES:
        return Inert(Name("numpy._core.multiarray", "scalar"), (kind, data))
    if isinstance(data, str):
        data = data.encode("latin1", "replace")
    value = Array((), kind, False, data if isinstance(data, bytes | memoryview) else b"")
    return tensor_bytes.array(value, words.budget).item()


def _reconstructor(words: PickleGlobals, kind: Any = None, *args: Any) -> Inert:
    return Inert(kind if isinstance(kind, Name) else None, args)


def _frombuffer(words: PickleGlobals, data: Any, kind: Any, shape: Any, order: Any = "C", *_: Any) -> Array:
    made = Array()
    _fill(made, shape, kind, order == "F", data)
    return made


def _size(words: PickleGlobals, shape: Any = ()) -> tuple[int, ...]:
    return tensor_bytes.sides(shape)


KNOWN: Mapping[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): _mapping,
    ("dnnlib.util", "EasyDict"): _mapping,
    ("builtins", "set"): _members,
    ("builtins", "frozenset"): _members,
    ("_codecs", "encode"): _bytes,
    ("copyreg", "_reconstructor"): _reconstructor,
    ("copy_reg", "_reconstructor"): _reconstructor,
    ("torch", "Size"): _size,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _parameter,
    ("torch.storage", "_load_from_bytes"): _nested,
    ("torch_utils.persistence", "_reconstruct_persistent_obj"): _node,
    ("numpy", "ndarray"): lambda words, *_: Array(),
    ("numpy", "dtype"): _dtype,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("numpy._core.numeric", "_frombuffer"): _frombuffer,
}
