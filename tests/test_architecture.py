"""The rules of the house, executed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from server.cli.main import main
from server.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
MODULES = {
    str(path.relative_to(ROOT)): ast.parse(path.read_text())
    for folder in ("models", "server")
    for path in sorted((ROOT / folder).rglob("*.py"))
}
OUTERMOST = ("server/app.py", "server/cli/main.py")
PURE = tuple(f"server/{name}.py" for name in ("edits", "directions", "walks", "units", "steering/transforms"))
EFFECTS = r"(os|io|pathlib|tempfile|shutil|subprocess|socket|asyncio|threading|time|random)(\.|$)"


def imports(tree: ast.Module) -> list[str]:
    """Every name a module imports, anywhere in it; `from models import dcgan` is models.dcgan."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def forbidden(module: str) -> str:
    """What a module may not import, as a pattern."""
    if module in OUTERMOST:
        return r"$^"
    if module.startswith("models/"):
        return r"(server|fastapi|starlette|uvicorn)(\.|$)"
    if module.startswith("server/api/"):
        return r"(torch|server\.(app|cli))(\.|$)|models\.(?!base\b)"
    # Protocols, and what finds and keeps models.
    named = "base|zoo|fetch|kept|adapters|regressor|judges|scorers|importing"
    if module.startswith("server/training/"):  # what makes a network must name it
        named += "|stylegan2|styled|critic|classifier|encoder"
    if module in (
        "latentwalk/steering/scores/ratings.py",
        "server/storage/regressors.py",
        "server/services/regressor_learning.py",
    ):  # ratings become a fit of its features
        named += "|rated"
    if (
        module == "latentwalk/films/encoding/untrusted_media.py"
    ):  # what strangers bring to a film is decoded where their models are
        named += "|jail"
    core = rf"(fastapi|starlette|uvicorn|server\.(api|app|cli))(\.|$)|models\.(?!({named})\b)\w"
    return core + (rf"|{EFFECTS}" if module in PURE else "")


def test_every_module_imports_only_what_its_place_allows():
    broken = [
        f"{module} imports {name}"
        for module, tree in MODULES.items()
        for name in imports(tree)
        if re.match(forbidden(module), name)
    ]
    assert broken == []


@pytest.mark.parametrize(
    ("module", "name", "allowed"),
    [
        ("models/catalogue/pinned.py", "latentwalk.edit", False),
        ("latentwalk/edit.py", "fastapi.FastAPI", False),
        ("latentwalk/edit.py", "pathlib.Path", False),
        ("server/storage/library.py", "models.generators.dcgan", False),
        ("server/storage/library.py", "models.catalogue.pinned", True),
        ("server/storage/library.py", "models", True),
        ("server/api/live_socket.py", "torch", False),
        ("server/api/live_socket.py", "models.catalogue.pinned", False),
        ("server/api/live_socket.py", "models.base", True),
        ("server/api/live_socket.py", "server.app", False),
        ("latentwalk/steering/learning/learn.py", "server.api.schemas", False),
        ("server/app.py", "fastapi.FastAPI", True),
    ],
)
def test_these_rules_catch_what_they_should(module, name, allowed):
    assert bool(re.match(forbidden(module), name)) is not allowed


def test_nobody_but_the_command_knows_the_application():
    knowing = [module for module, tree in MODULES.items() if any(n.startswith("server.app") for n in imports(tree))]
    assert knowing in (["server/cli/main.py"], [])


def test_pickle_and_torchvision_are_nowhere():
    names = {name.split(".")[0] for tree in MODULES.values() for name in imports(tree)}
    assert not names & {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "torchvision"}


def calls(tree: ast.Module) -> list[tuple[str, ast.Call]]:
    return [(ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def test_torch_files_are_read_in_one_place_and_never_run():
    for module, tree in MODULES.items():
        for name, call in calls(tree):
            if name == "torch.load":
                assert module == "models/catalogue/pinned.py"
                safely = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
                assert safely.get("weights_only") == "True"
            assert name not in ("eval", "exec", "__import__"), module


def test_the_environment_is_read_in_one_place():
    attributes = {
        module: {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        for module, tree in MODULES.items()
    }
    reading = [module for module, names in attributes.items() if names & {"os.environ", "os.getenv"}]
    # A bench hands its own on to the server it starts; how threads wait can be told to OpenMP in no other way.
    # Nor can Ray be told its options otherwise.
    assert reading == [
        "server/engine/cluster/ray_engine.py",
        "server/cli/bench/server_process.py",
        "server/settings.py",
        "server/engine/openmp.py",
    ]


def test_nothing_is_fetched_but_what_the_zoo_pins():
    clients = r"(urllib\.request|http\.client|httpx|requests|aiohttp|websockets\.(asyncio|sync)\.client)(\.|$)"
    asking = [module for module, tree in MODULES.items() if any(re.match(clients, name) for name in imports(tree))]
    # A bench asks the server it measures, whose address its operator types; what the zoo pins is fetched by pip.
    assert asking == ["server/cli/bench/simulated_user.py", "server/cli/bench/server_process.py"]


def test_modules_only_declare_when_imported():
    defining = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    declaring = (ast.Import, ast.ImportFrom, *defining)
    for module, tree in MODULES.items():
        for node in tree.body[1:]:
            condition = isinstance(node, ast.If) and ast.unparse(node.test)
            main_or_types = condition in ("TYPE_CHECKING", "__name__ == '__main__'")
            wiring = isinstance(node, ast.Expr) and module == "server/cli/main.py"
            assert isinstance(node, declaring) or main_or_types or wiring, f"{module}:{node.lineno} does work on import"


IMPORT_ALL = """
import importlib, pathlib, sys
opened = []
def hook(event, arguments):
    if event in ("open", "os.mkdir", "os.remove", "os.rename", "socket.connect", "subprocess.Popen"):
        opened.append((event, str(arguments[0])))
root = pathlib.Path.cwd()
names = [str(path.relative_to(root).with_suffix("")).replace("/", ".") for path in
         sorted([*root.glob("server/**/*.py"), *root.glob("models/**/*.py")]) if path.name != "__init__.py"]
import torch, fastapi, uvicorn, av, PIL.Image, PIL.GifImagePlugin, websockets.asyncio.client, jinja2, pydantic_settings
sys.addaudithook(hook)
for name in names:
    importlib.import_module(name)
code = (".py", ".pyc")
ours = [(event, path) for event, path in opened if event != "open" or (path.startswith(str(root))
        and "/.venv/" not in path and not path.endswith(code) and ".pyc." not in path)]
assert not ours, ours
assert len(names) > 40, names
"""


def test_importing_everything_opens_and_starts_nothing():
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1000:]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_why_it_exists_and_stays_within_300_lines(module):
    text = (ROOT / module).read_text()
    assert ast.get_docstring(MODULES[module]), "it opens without a docstring"
    assert len(text.splitlines()) <= 300
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", text)


def test_public_functions_and_classes_of_the_core_say_what_they_promise():
    silent = []
    for module, tree in MODULES.items():
        for node in tree.body:
            declared = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if declared and not node.name.startswith("_") and not ast.get_docstring(node):
                silent.append(f"{module}: {node.name}")
    assert silent == []


README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("setting", Settings.model_fields)
def test_the_readme_names_every_setting(setting):
    assert f"`{PREFIX}{setting.upper()}`" in README


@pytest.mark.parametrize("verb", main.commands)
def test_the_readme_names_every_verb(verb):
    assert f"`latentwalk {verb}" in README


def test_the_readme_names_no_verb_that_is_not_there():
    assert set(re.findall(r"`latentwalk ([a-z]+)", README)) <= set(main.commands)
