"""Resolves pyproject.toml for every platform and Python it supports and writes locks/: exact versions and hashes.

    make lock

`uv` resolves, in a virtual environment of its own, from PyPI alone. What is locked before stays as it is unless
pyproject.toml asks for something else; `make lock UPGRADE=1` asks for the newest versions of everything indirect.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "locks"
# What each list is for, and the extras of pyproject.toml that it has.
LISTS = {"serve": (), "container": ("ray", "postgres"), "dev": ("dev",)}
# Only the Linux build of torch on PyPI needs these; its CPU build, which has the same version, does not.
CUDA = re.compile(r"(nvidia-|cuda-|triton$)")


def entries(text: str) -> dict[str, str]:
    """Each requirement with its hashes, by name."""
    blocks = re.findall(r"^[a-z0-9].*(?:\n +.*)*", text, re.MULTILINE)
    named = {re.split(r"[=\[ ;]", block)[0]: block for block in blocks}
    return {name: block for name, block in named.items() if "sys_platform == 'emscripten'" not in block}


def resolve(uv: str, extras: tuple[str, ...], constraints: Path | None) -> dict[str, str]:
    """Every package that the project needs with these extras on any platform."""
    command = [uv, "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11", "--no-config"]
    command += ["--generate-hashes", "--no-annotate", "--no-header", "--only-binary", ":all:", "--quiet"]
    command += [word for extra in extras for word in ("--extra", extra)]
    command += ["--constraint", str(constraints)] if constraints else []
    return entries(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def write(name: str, heading: str, blocks: dict[str, str]) -> None:
    body = "\n".join(blocks[package] for package in sorted(blocks))
    (LOCKS / f"{name}.txt").write_text(f"# {heading} Written by `make lock`.\n{body}\n")


def main(uv: str, *words: str) -> None:
    constraints = ROOT / "constraints.txt"
    everything = resolve(uv, ("ray", "postgres", "dev"), None if "upgrade" in words else constraints)
    versions = [block.splitlines()[0].removesuffix("\\").strip() for _, block in sorted(everything.items())]
    heading = constraints.read_text().splitlines()[0]
    constraints.write_text("\n".join([heading, *versions]) + "\n")
    for name, extras in LISTS.items():
        found = resolve(uv, extras, constraints)
        kept = {package: block for package, block in found.items() if package != "torch" and not CUDA.match(package)}
        write(name, f"All but torch: {', '.join(['the project', *extras])}.", kept)
    torch = {package: block for package, block in everything.items() if package == "torch" or CUDA.match(package)}
    write("torch", "PyPI's torch, and what its Linux build needs and the CPU build does not.", torch)
    version = torch["torch"].split()[0]
    if f"\n{version}+cpu " not in (LOCKS / "torch-cpu.txt").read_text():
        sys.exit(f"locks/torch-cpu.txt is of another version than {version}: see its first lines.")


if __name__ == "__main__":
    main(*sys.argv[1:])
