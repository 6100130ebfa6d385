"""What the globals in a checkpoint's pickle become: a few build records that hold numbers, all others stay opaque."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from models.importing.limits import Budget, FileRefused
from models.importing.unpickle import tensor_bytes
from models.importing.unpickle.records import (
    ArrayRecord,
    DTypeRecord,
    GlobalName,
    ModuleRecord,
    OpaqueObject,
    SetRecord,
    StorageRecord,
    TensorRecord,
)

# Calls into these reach beyond the file. No checkpoint needs one, so that a file which names one is refused whole.
DANGEROUS_MODULES = {
    "os", "posix", "nt", "posixpath", "ntpath", "sys", "subprocess", "_posixsubprocess", "importlib", "imp", "runpy",
    "socket", "_socket", "ssl", "ctypes", "_ctypes", "cffi", "shutil", "pty", "code", "codeop", "pickle", "_pickle",
    "cPickle", "marshal", "shelve", "webbrowser", "multiprocessing", "threading", "_thread", "concurrent", "asyncio",
    "signal", "commands", "popen2", "pdb", "bdb", "timeit", "cProfile", "profile", "trace", "doctest", "pip",
    "setuptools", "distutils", "urllib", "urllib2", "http", "httplib", "ftplib", "smtplib", "telnetlib", "requests",
    "aiohttp", "operator", "_operator", "io", "_io", "tempfile", "fileinput", "glob", "inspect", "gc", "site",
    "builtins", "linecache", "idlelib", "lib2to3", "platform", "pkgutil", "zipimport", "ensurepip", "venv", "joblib",
    "mmap", "sqlite3", "xmlrpc", "logging", "atexit", "faulthandler", "curses", "readline", "rlcompleter",
}  # fmt: skip
HARMLESS_BUILTINS = {
    "set", "frozenset", "dict", "list", "tuple", "int", "float", "complex", "bool", "str", "bytes", "bytearray",
    "slice", "range", "object", "NoneType", "Ellipsis", "long", "unicode", "xrange",
}  # fmt: skip
DANGEROUS_FUNCTIONS = {
    ("torch", "load"), ("torch.serialization", "load"), ("torch.hub", "load"), ("numpy", "load"),
    ("numpy.testing._private.utils", "runstring"), ("numpy.testing.utils", "runstring"), ("torch.jit", "load"),
    ("torch._utils_internal", "eval"), ("numpy", "fromfile"), ("numpy", "save"), ("torch", "save"),
    ("pandas", "eval"), ("pandas", "read_pickle"), ("types", "FunctionType"), ("types", "CodeType"),
    ("torch.utils.cpp_extension", "load"), ("torch.utils.cpp_extension", "load_inline"),
}  # fmt: skip
# A harmless module may lead to a dangerous one by an attribute (torch.serialization.os).
DANGEROUS_ATTRIBUTES = {
    "os", "sys", "subprocess", "builtins", "importlib", "shutil", "socket", "ctypes", "eval", "exec", "system",
}  # fmt: skip
RENAMED_MODULES = {
    "__builtin__": "builtins",
    "copy_reg": "copyreg",
    "numpy.core": "numpy._core",
    "numpy.core.multiarray": "numpy._core.multiarray",
    "numpy.core.numeric": "numpy._core.numeric",
}
MAX_NAMES = 5_000
MAX_NUMEL = 2**40
MEMBER, ROW = 8, 128  # bytes that a list takes for one member, and a dictionary for one pair

NestedReader = Callable[[memoryview, Budget], tuple[StorageRecord, dict[GlobalName, bool]]]


def current_name(name: GlobalName) -> GlobalName:
    """The name that today's Python and NumPy give to a global of older ones."""
    return GlobalName(RENAMED_MODULES.get(name.module, name.module), name.name)


def is_dangerous(name: GlobalName) -> bool:
    """Whether a global reaches beyond the file: to programs, files, the network or the interpreter's internals."""
    top = name.module.split(".")[0]
    if top == "builtins":
        return name.name not in HARMLESS_BUILTINS
    parts = {*name.module.split(".")[1:], *name.name.split(".")}
    dunder = any(part.startswith("__") for part in parts)
    listed = top in DANGEROUS_MODULES or (name.module, name.name) in DANGEROUS_FUNCTIONS
    return listed or dunder or bool(parts & DANGEROUS_ATTRIBUTES)


class PickleGlobals:
    """The globals and persistent ids of one file.

    `load_storage` finds the storage for a persistent id; None where the file has none. `read_nested` reads a storage
    that is embedded as a PyTorch file of its own; None inside such a file, so that they do not nest. `names` collects
    every global of the file, and whether it stayed opaque.
    """

    def __init__(
        self,
        budget: Budget,
        load_storage: Callable[[Any], StorageRecord] | None = None,
        read_nested: NestedReader | None = None,
    ) -> None:
        self.budget, self.load_storage, self.read_nested = budget, load_storage, read_nested
        self.names: dict[GlobalName, bool] = {}

    def find_class(self, name: GlobalName) -> GlobalName:
        name = current_name(name)
        if name in self.names:
            return name
        if is_dangerous(name):
            raise FileRefused(
                f"The file refers to “{str(name)[:100]}”, which no checkpoint needs. Nothing of it was run.",
                "Do not open this file with any tool, and warn the person you got it from.",
            )
        if len(self.names) >= MAX_NAMES:
            raise FileRefused(f"The file refers to over {MAX_NAMES:,} globals.")
        self.names[name] = (name.module, name.name) not in BUILDERS and storage_dtype(name) is None
        return name

    def reduce(self, name: Any, args: Any) -> Any:
        builder = BUILDERS.get((name.module, name.name)) if isinstance(name, GlobalName) else None
        if builder is None:
            return OpaqueObject(name if isinstance(name, GlobalName) else None, args)
        if not isinstance(args, tuple):
            raise FileRefused(f"The arguments of {str(name)[:80]} are invalid.")
        return builder(self, *args)

    def build(self, target: Any, state: Any) -> None:
        if isinstance(target, OpaqueObject):
            target.state = state
        elif isinstance(target, DTypeRecord) and isinstance(state, tuple) and len(state) >= 5:
            if any(part is not None for part in state[2:5]) or not isinstance(state[1], str):
                target.code = "V"  # a structured dtype, which is never decoded
            else:
                target.order = state[1]
        elif isinstance(target, ArrayRecord) and isinstance(state, tuple) and len(state) in (4, 5):
            *_, shape, dtype, fortran, data = state
            _fill(self, target, shape, dtype, fortran, data)
        elif not (isinstance(target, dict) and isinstance(state, dict)):  # a state dict's own attributes mean nothing
            raise FileRefused("The file sets the state of an object that has none.")

    def persistent_load(self, key: Any) -> StorageRecord:
        if self.load_storage is None:
            raise FileRefused("A part of the checkpoint lies in another file.", "Save it again as one file.")
        return self.load_storage(key)


def storage_dtype(name: GlobalName) -> str | None:
    """The dtype of a torch storage class; None for any other class."""
    if name.module not in ("torch", "torch.cuda", "torch.storage") or not name.name.endswith("Storage"):
        return None
    return tensor_bytes.STORAGE_DTYPES.get(name.name.removesuffix("Storage"))


def parse_persistent_id(key: Any) -> tuple[str, str, int]:
    """What torch's persistent id says of a storage: its dtype, its key in the file, and how many numbers it has."""
    complete = isinstance(key, tuple) and len(key) in (5, 6) and key[0] == "storage" and isinstance(key[1], GlobalName)
    dtype = storage_dtype(key[1]) if complete else None
    if dtype is None or not isinstance(key[2], str) or type(key[4]) is not int or not 0 <= key[4] < MAX_NUMEL:
        raise FileRefused("A persistent id of the pickle is no tensor storage.")
    if len(key) == 6 and key[5] is not None:
        raise FileRefused("Storages are views of others, as only very old PyTorch wrote them.", "Save the file again.")
    return dtype, key[2], key[4]


def _fill(pickle_globals: PickleGlobals, target: ArrayRecord, shape: Any, dtype: Any, fortran: Any, data: Any) -> None:
    target.shape, target.fortran = tensor_bytes.check_shape(shape), fortran is True or fortran == 1
    target.dtype = dtype if isinstance(dtype, DTypeRecord) else None
    if isinstance(data, str):
        data = _bytes(pickle_globals, data) if data.isascii() else b""
    target.data = data if isinstance(data, bytes | memoryview) else b""


def _bytes(pickle_globals: PickleGlobals, text: str) -> bytes:
    # The bytes that a text stands for. The text may be remembered, and asked for again and again.
    pickle_globals.budget.count_copied(len(text))
    return text.encode("latin1", "replace")


# Each builder is called with the file's globals and the arguments in the pickle, and returns the record for the result.
# Its arguments may be remembered objects of any size: a builder counts what it copies, and looks at no nested value.


def _ordered_dict(pickle_globals: PickleGlobals, *args: Any) -> dict[Any, Any]:
    rows = args[0] if args and isinstance(args[0], list) else []
    pickle_globals.budget.count_copied(len(rows) * ROW)
    return {row[0]: row[1] for row in rows if isinstance(row, list | tuple) and len(row) == 2 and type(row[0]) is str}


def _set(pickle_globals: PickleGlobals, items: Any = ()) -> SetRecord:
    if not isinstance(items, list | tuple):
        return SetRecord()
    pickle_globals.budget.count_copied(len(items) * MEMBER)
    return SetRecord(list(items))


def _encode(pickle_globals: PickleGlobals, text: Any = "", encoding: Any = "latin1") -> bytes | memoryview:
    if isinstance(text, bytes | memoryview):  # a Python 2 string that was not text
        return text
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise FileRefused("Bytes are written as text in an encoding that checkpoints do not use.")
    return _bytes(pickle_globals, text)


def _rebuild_tensor(
    _: PickleGlobals, storage: Any, offset: Any, shape: Any, stride: Any, *_unused: Any
) -> TensorRecord:
    shape, stride = tensor_bytes.check_shape(shape), tensor_bytes.check_shape(stride)
    if not isinstance(storage, StorageRecord) or type(offset) is not int or offset < 0 or len(shape) != len(stride):
        raise FileRefused("The description of a tensor is invalid.")
    return TensorRecord(storage, offset, shape, stride)


def _rebuild_parameter(_: PickleGlobals, data: Any, *_unused: Any) -> Any:
    return data


def _load_from_bytes(pickle_globals: PickleGlobals, data: Any) -> StorageRecord:
    if pickle_globals.read_nested is None or not isinstance(data, bytes | memoryview):
        raise FileRefused("The file has files nested in files, which no checkpoint needs.")
    storage, names = pickle_globals.read_nested(memoryview(data), pickle_globals.budget)
    pickle_globals.names.update(names)
    return storage


def _persistent_object(_: PickleGlobals, meta: Any) -> ModuleRecord | OpaqueObject:
    if not isinstance(meta, dict) or meta.get("type") != "class" or not isinstance(meta.get("state"), dict):
        return OpaqueObject(GlobalName("torch_utils.persistence", "_reconstruct_persistent_obj"), (meta,))
    name, source = meta.get("class_name"), meta.get("module_src")
    return ModuleRecord(
        name[:100] if isinstance(name, str) else "", source if isinstance(source, str) else "", meta["state"]
    )


def _empty_array(_: PickleGlobals, *_unused: Any) -> ArrayRecord:
    return ArrayRecord()


def _dtype(_: PickleGlobals, code: Any, *_unused: Any) -> DTypeRecord:
    return DTypeRecord(code if isinstance(code, str) else "V", "=")


def _scalar(pickle_globals: PickleGlobals, dtype: Any, data: Any = b"") -> Any:
    if not isinstance(dtype, DTypeRecord) or dtype.code not in tensor_bytes.DTYPE_CODES:
        return OpaqueObject(GlobalName("numpy._core.multiarray", "scalar"), (dtype, data))
    if isinstance(data, str):
        data = _bytes(pickle_globals, data)
    record = ArrayRecord((), dtype, False, data if isinstance(data, bytes | memoryview) else b"")
    return tensor_bytes.decode_array(record, pickle_globals.budget).item()


def _reconstructor(_: PickleGlobals, cls: Any = None, *args: Any) -> OpaqueObject:
    return OpaqueObject(cls if isinstance(cls, GlobalName) else None, args)


def _frombuffer(
    pickle_globals: PickleGlobals, data: Any, dtype: Any, shape: Any, order: Any = "C", *_unused: Any
) -> ArrayRecord:
    record = ArrayRecord()
    _fill(pickle_globals, record, shape, dtype, order == "F", data)
    return record


def _size(_: PickleGlobals, shape: Any = ()) -> tuple[int, ...]:
    return tensor_bytes.check_shape(shape)


BUILDERS: Mapping[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): _ordered_dict,
    ("dnnlib.util", "EasyDict"): _ordered_dict,
    ("builtins", "set"): _set,
    ("builtins", "frozenset"): _set,
    ("_codecs", "encode"): _encode,
    ("copyreg", "_reconstructor"): _reconstructor,
    ("torch", "Size"): _size,
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _rebuild_parameter,
    ("torch.storage", "_load_from_bytes"): _load_from_bytes,
    ("torch_utils.persistence", "_reconstruct_persistent_obj"): _persistent_object,
    ("numpy", "ndarray"): _empty_array,
    ("numpy", "dtype"): _dtype,
    ("numpy._core.multiarray", "_reconstruct"): _empty_array,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("numpy._core.numeric", "_frombuffer"): _frombuffer,
}
