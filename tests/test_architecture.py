"""The rules of the source tree: layers, cycles, sizes, names, documentation, and where effects may happen."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("models", "latentwalk", "server")  # each may import itself and those before it
MODULES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text())
    for layer in LAYERS
    for path in sorted((ROOT / layer).rglob("*.py"))
}
PAGE = sorted(path for kind in ("js", "css") for path in (ROOT / "static" / kind).rglob(f"*.{kind}"))
WEB = r"(fastapi|starlette|uvicorn|websockets|jinja2)(\.|$)"
MOST_ENTRIES, MOST_LINES = 14, 300
FORBIDDEN = {
    "board", "boards", "cinema", "critic", "critics", "crowd", "desk", "door", "drawer", "gate", "gates", "jail",
    "judge", "judges", "juries", "jury", "lane", "lanes", "mirror", "mirrors", "pile", "press", "seat", "seats",
    "shelf", "shelves", "stranger", "strangers", "studio", "util", "utils", "vocabulary", "wish", "wishes", "workshop",
    "zoo",
}  # fmt: skip
PARTICIPLES = {  # as whole names: a name says what a thing is
    "asked", "begun", "bought", "brought", "done", "drawn", "finished", "folded", "found", "given", "held", "judged",
    "kept", "made", "named", "seen", "shown", "taken", "told", "tried",
}  # fmt: skip
# Methods that a framework calls; what they do is in its documentation.
FRAMEWORK_METHODS = {"forward", "invoke", "convert"}


def imports(tree: ast.AST) -> Iterator[str]:
    """Every name that a module imports, anywhere in it; `from models import base` is models.base."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dotted(module: str) -> str:
    """server/api/__init__.py is server.api."""
    return module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def dependencies() -> dict[str, set[str]]:
    """The modules that each module imports."""
    known = {dotted(module) for module in MODULES}
    graph: dict[str, set[str]] = {}
    for module, tree in MODULES.items():
        targets = set()
        for name in imports(tree):
            parts = name.split(".")
            prefixes = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
            targets.add(next((prefix for prefix in prefixes if prefix in known), ""))
        graph[dotted(module)] = targets - {"", dotted(module)}
    return graph


def cycles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one node (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    components: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(graph.get(node, ())):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            component = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(component) > 1:
                components.append(sorted(component))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return components


def not_allowed(module: str) -> str:
    """What a module may not import, as a pattern."""
    layer = module.split("/", maxsplit=1)[0]
    above = "|".join(LAYERS[LAYERS.index(layer) + 1 :])
    if layer == "models":
        return rf"({above})(\.|$)|{WEB}"
    # Networks and layers are reached through the catalogue, except for training; inversion uses the encoder.
    internals = r"models\.(networks|layers|generators)(\.|$)"
    if layer == "latentwalk":
        if module.startswith("latentwalk/training/"):
            return rf"({above})(\.|$)|{WEB}"
        encoder = r"(?!models\.networks\.encoder\.)" if module.startswith("latentwalk/inversion/") else ""
        return rf"({above})(\.|$)|{WEB}|{encoder}{internals}"
    if module.startswith("server/api/"):
        return r"(torch|server\.(app|cli))(\.|$)|models\.(?!base|errors|specs|atomic_files|external_text)\w"
    if module == "server/app.py" or module.startswith("server/cli/"):
        return r"$^"
    return rf"server\.(app|cli)(\.|$)|{internals}"


def test_every_module_imports_only_what_its_layer_allows() -> None:
    broken = [
        f"{module} imports {name}"
        for module, tree in MODULES.items()
        for name in imports(tree)
        if re.match(not_allowed(module), name)
    ]
    assert broken == []


@pytest.mark.parametrize(
    ("module", "name", "allowed"),
    [
        ("models/catalogue/pinned.py", "latentwalk.edit", False),
        ("models/catalogue/pinned.py", "server", False),
        ("latentwalk/edit.py", "server.settings", False),
        ("latentwalk/edit.py", "fastapi.FastAPI", False),
        ("latentwalk/edit.py", "models.networks.encoder", False),
        ("latentwalk/training/loop.py", "models.networks.discriminator", True),
        ("latentwalk/inversion/refinement.py", "models.networks.encoder.Encoder", True),
        ("latentwalk/inversion/refinement.py", "models.networks.stylegan2.StyleGAN2Network", False),
        ("server/storage/library.py", "models.generators.dcgan", False),
        ("server/storage/library.py", "models.catalogue.pinned", True),
        ("server/api/live_socket.py", "torch", False),
        ("server/api/live_socket.py", "models.catalogue.pinned", False),
        ("server/api/live_socket.py", "models.base", True),
        ("server/api/live_socket.py", "server.app", False),
        ("server/services/x.py", "server.cli.home", False),
        ("server/app.py", "fastapi.FastAPI", True),
    ],
)
def test_the_layer_rules_catch_what_they_should(module: str, name: str, allowed: bool) -> None:
    assert bool(re.match(not_allowed(module), name)) is not allowed


def test_no_modules_import_each_other_in_a_cycle() -> None:
    assert cycles(dependencies()) == []


def test_no_folders_of_the_server_import_each_other_in_a_cycle() -> None:
    folders: dict[str, set[str]] = {}
    for module, targets in dependencies().items():
        if module.startswith("server."):
            own = module.split(".")[1]
            others = {target.split(".")[1] for target in targets if target.startswith("server.")}
            folders.setdefault(own, set()).update(others - {own})
    assert cycles(folders) == []


def test_cycles_are_found() -> None:
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert cycles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_a_folder_has_a_handful_of_entries() -> None:
    tops = [ROOT / name for name in (*LAYERS, "static/js", "static/css", "tests")]
    folders = [folder for top in tops for folder in (top, *top.rglob("*/")) if "bundled" not in folder.parts]
    crowded = {}
    for folder in folders:
        if not {"__pycache__", "node_modules"} & set(folder.parts):
            entries = [path for path in folder.iterdir() if path.name not in ("__pycache__", ".DS_Store")]
            if len(entries) > MOST_ENTRIES:
                crowded[folder.relative_to(ROOT).as_posix()] = len(entries)
    assert crowded == {}


def test_no_module_is_longer_than_it_should_be() -> None:
    paths = [*(ROOT / module for module in MODULES), *PAGE]
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in paths}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def declarations(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """The public classes and functions of a module, and the public methods of its classes."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in tree.body:
        if isinstance(node, kinds) and not node.name.startswith("_"):
            yield node.name, node
            for method in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(method, kinds) and not method.name.startswith("_"):
                    yield f"{node.name}.{method.name}", method


def documented_interfaces() -> set[str]:
    """The methods that a protocol or a base class in this tree documents: implementations need not repeat it."""
    classes = [node for tree in MODULES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    bases = {ast.unparse(base).partition("[")[0].split(".")[-1] for node in classes for base in node.bases}
    protocols = {node.name for node in classes if any("Protocol" in ast.unparse(base) for base in node.bases)}
    methods = [method for node in classes if node.name in bases | protocols for method in node.body]
    functions = [method for method in methods if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {function.name for function in functions if ast.get_docstring(function)}


def test_every_module_class_function_and_method_that_is_public_has_a_docstring() -> None:
    missing = [module for module, tree in MODULES.items() if not ast.get_docstring(tree)]
    inherited = documented_interfaces() | FRAMEWORK_METHODS
    for module, tree in MODULES.items():
        for name, node in declarations(tree):
            method = "." in name and name.partition(".")[2]
            if method not in inherited and not ast.get_docstring(node):  # type: ignore[arg-type]
                missing.append(f"{module}: {name}")
    assert missing == []


def words(name: str) -> list[str]:
    """The words of a name in snake_case, kebab-case or CamelCase, in lower case."""
    return re.findall(r"[a-z]+", re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name).lower())


def test_names_are_the_fields_terms() -> None:
    names = [(module, name) for module, tree in MODULES.items() for name, _ in declarations(tree)]
    paths = [*(ROOT / module for module in MODULES), *PAGE]
    names += [
        (str(path.relative_to(ROOT)), part) for path in paths for part in path.relative_to(ROOT).with_suffix("").parts
    ]
    bad = {
        f"{place}: {name}"
        for place, name in names
        if FORBIDDEN & set(words(name)) or name.split(".")[-1].lower() in PARTICIPLES
    }
    assert sorted(bad) == []


def test_nothing_is_left_to_do() -> None:
    paths = [*(ROOT / module for module in MODULES), *PAGE]
    assert [str(path) for path in paths if re.search(r"\b(TODO|FIXME|XXX)\b", path.read_text())] == []


def test_pickle_and_torchvision_are_not_imported() -> None:
    names = {name.split(".")[0] for tree in MODULES.values() for name in imports(tree)}
    assert not names & {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "torchvision"}


def test_torch_files_are_loaded_in_one_place_as_weights_only_and_nothing_is_evaluated() -> None:
    for module, tree in MODULES.items():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = ast.unparse(call.func)
            if name == "torch.load":
                assert module == "models/catalogue/pinned.py"
                assert {one.arg: ast.unparse(one.value) for one in call.keywords}.get("weights_only") == "True"
            assert name not in ("eval", "exec", "__import__"), module


def test_the_environment_is_read_in_one_place() -> None:
    reading = []
    for module, tree in MODULES.items():
        names = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        if names & {"os.environ", "os.getenv"}:
            reading.append(module)
    # The load test and the notebook pass their environment on to the server that they start. OpenMP's threads and Ray
    # take options in no other way.
    assert sorted(reading) == [
        "latentwalk/notebook/explore.py",
        "server/cli/bench/server_process.py",
        "server/engine/cluster/ray_engine.py",
        "server/engine/openmp.py",
        "server/settings.py",
    ]


def test_nothing_is_fetched_but_what_the_catalogue_pins() -> None:
    clients = r"(urllib\.request|http\.client|httpx|requests|aiohttp|websockets\.(asyncio|sync)\.client)(\.|$)"
    asking = [module for module, tree in MODULES.items() if any(re.match(clients, name) for name in imports(tree))]
    # The load test and the notebook talk to the server that they started; weights are fetched by pip.
    assert sorted(asking) == [
        "latentwalk/notebook/explore.py",
        "server/cli/bench/server_process.py",
        "server/cli/bench/simulated_user.py",
    ]


def test_modules_only_declare_when_they_are_imported() -> None:
    declaring = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign,
                 ast.AnnAssign, ast.AugAssign)  # fmt: skip
    for module, tree in MODULES.items():
        for node in tree.body[1:]:
            condition = isinstance(node, ast.If) and ast.unparse(node.test)
            wiring = isinstance(node, ast.Expr) and module == "server/cli/main.py"
            allowed = isinstance(node, declaring) or condition in ("TYPE_CHECKING", "__name__ == '__main__'") or wiring
            assert allowed, f"{module}:{node.lineno} does work on import"


IMPORT_ALL = """
import importlib, pathlib, sys
opened = []
def hook(event, arguments):
    if event in ("open", "os.mkdir", "os.remove", "os.rename", "socket.connect", "subprocess.Popen"):
        opened.append((event, str(arguments[0])))
import torch, fastapi, uvicorn, av, PIL.Image, PIL.GifImagePlugin, websockets.asyncio.client, jinja2, pydantic_settings
import alembic.command, sqlalchemy
sys.addaudithook(hook)
for name in sys.argv[1:]:
    importlib.import_module(name)
ours = [(event, path) for event, path in opened if event != "open" or (path.startswith(str(pathlib.Path.cwd()))
        and "/.venv/" not in path and not path.endswith((".py", ".pyc")) and ".pyc." not in path)]
assert not ours, ours
"""


def test_importing_everything_opens_and_starts_nothing() -> None:
    names = [dotted(module) for module in MODULES if not module.endswith(("__init__.py", "__main__.py"))]
    command = [sys.executable, "-c", IMPORT_ALL, *names]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-1000:]
