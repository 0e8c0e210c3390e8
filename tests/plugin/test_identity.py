"""A stored answer stands only where nothing that it depends on can have changed."""

from __future__ import annotations

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

TARGET = """
import os, sqlite3, subprocess, sys, urllib.request
from pathlib import Path
import evalsuite as ev
import app.near

HERE = Path(__file__).parent

@ev.suite(golden="words", inputs={{"index": (HERE / "index.version").read_text}} {arguments})
async def words(case{parameters}):
    with open({log!r}, "a") as log:
        log.write(case.id + "\\n")
    {body}
    return ev.Output(text="word " + app.near.greet(case.input))
"""


class Target:
    """A project whose target notes each time that it runs, outside of the project."""

    def __init__(self, project: Any) -> None:
        self.project = project
        self.log = project.path.parent / f"{project.path.name}-ran.txt"
        project.write("app/__init__.py", "")
        project.write("app/near.py", "from app.far import K\ndef greet(x): return f'{K} {x}'\n")
        project.write("app/far.py", "K = 1\n")
        project.write("schema.json", '{"name": "search"}')
        project.write("index.version", "v1")
        project.cases(project.many(5))
        self.write()

    def write(self, body: str = "pass", parameters: str = "", arguments: str = "") -> None:
        self.project.write(
            "test_words.py",
            TARGET.format(log=str(self.log), body=body, parameters=parameters, arguments=arguments),
        )

    def run(self, *arguments: str, code: int = 0) -> list[str]:
        """The ids for which the target ran, in a process of its own."""
        self.log.unlink(missing_ok=True)
        done = self.project.run_apart("-q", *arguments)
        assert done.ret == code, done.stdout.str() + done.stderr.str()
        return self.log.read_text().split() if self.log.exists() else []


@pytest.fixture
def target(project: Any) -> Target:
    return Target(project)


ALL = [f"c{number:03}" for number in range(5)]


def test_an_unchanged_run_takes_every_output_from_the_store(target: Target) -> None:
    assert sorted(target.run()) == ALL
    assert target.run() == []
    assert target.project.manifest()["operations"]["reused_outputs"] == 5


def edit(name: str, text: str) -> Callable[[Target, pytest.MonkeyPatch], None]:
    return lambda target, monkeypatch: target.project.write(name, text) and None


EDITS: dict[str, Callable[[Target, pytest.MonkeyPatch], Any]] = {
    "a helper two imports away": edit("app/far.py", "K = 2\n"),
    "a data file": edit("schema.json", '{"name": "find"}'),
    "a new source file": edit("app/new.py", "x = 1\n"),
    "an index version that a function returns": edit("index.version", "v2"),
    "a constant patched in conftest": edit("conftest.py", "import app.far\napp.far.K = 3\n"),
    "an environment variable": lambda target, monkeypatch: monkeypatch.setenv("MODE", "fast"),
    "the settings": edit("pyproject.toml", "[tool.evalsuite]\ntimeout = 100\n"),
    "a requirements file": edit("requirements.txt", "x==2\n"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_outside_of_the_function_runs_it_again(
    target: Target, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert sorted(target.run()) == ALL
    EDITS[name](target, monkeypatch)
    assert sorted(target.run()) == ALL


def test_another_seed_or_model_runs_it_again(target: Target) -> None:
    target.run()
    assert sorted(target.run("--evals-seed=2")) == ALL
    assert sorted(target.run("--evals-backend=embedded?noise=0.5")) == ALL


def test_a_file_outside_of_the_root_that_the_target_reads_is_noticed(target: Target) -> None:
    outside = target.project.path.parent / f"{target.project.path.name}-outside.txt"
    outside.write_text("one")
    target.write(body=f"Path({str(outside)!r}).read_text()")
    assert sorted(target.run()) == ALL
    assert target.run() == []
    outside.write_text("two")
    assert sorted(target.run()) == ALL
    assert "a file that the target reads has changed (" in json.dumps(target.project.manifest())


def test_a_git_ignored_file_too(target: Target) -> None:
    project = target.project
    subprocess.run(["git", "init", "-q", str(project.path)], check=True)
    project.write(".gitignore", "data/\n.evalsuite/\nreports/\n__pycache__/\n.pytest_cache/\n")
    project.write("data/index.bin", "one")
    target.write(body='(HERE / "data" / "index.bin").read_bytes()')
    assert sorted(target.run()) == ALL
    assert target.run() == []
    project.write("data/index.bin", "two")
    assert sorted(target.run()) == ALL


def test_a_database_that_is_ignored_is_noticed_or_runs_again(target: Target) -> None:
    outside = str(target.project.path.parent / f"{target.project.path.name}.db")
    connection = sqlite3_file(outside, 1)
    target.write(
        body=f"c = sqlite3.connect({outside!r}); c.execute('select x from t').fetchone(); c.close()"
    )
    target.run()
    connection = sqlite3_file(outside, 2)
    assert connection is None
    assert sorted(target.run()) == ALL


def sqlite3_file(path: str, value: int) -> None:
    import sqlite3

    connection = sqlite3.connect(path)
    connection.executescript(
        f"drop table if exists t; create table t(x); insert into t values({value})"
    )
    connection.close()


@pytest.fixture
def service() -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *arguments: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_service_behind_http_always_runs_again_and_says_why(target: Target, service: str) -> None:
    target.write(body=f"urllib.request.urlopen({service!r}).read()")
    assert sorted(target.run()) == ALL
    assert sorted(target.run()) == ALL
    notes = " ".join(target.project.manifest()["notes"])
    assert "can't tell whether stored outputs still hold: the target connects to 127.0.0.1" in notes


def test_a_service_whose_version_is_declared_does_not(target: Target, service: str) -> None:
    body = f"urllib.request.urlopen({service!r}).read()"
    target.write(body=body, arguments=', external="v1"')
    assert sorted(target.run()) == ALL
    assert target.run() == []
    target.write(body=body, arguments=', external="v2"')
    assert sorted(target.run()) == ALL


def test_a_subprocess_always_runs_again(target: Target) -> None:
    target.write(body='subprocess.run([sys.executable, "-c", ""], check=True)')
    assert sorted(target.run()) == ALL
    assert sorted(target.run()) == ALL


PROCESS = """
import multiprocessing as mp
def child(): pass
def start(method):
    process = mp.get_context(method).Process(target=child)
    process.start()
    process.join()
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_of_multiprocessing_too(target: Target, method: str) -> None:
    target.project.write("app/children.py", PROCESS)
    target.write(body=f"import app.children; app.children.start({method!r})")
    assert sorted(target.run()) == ALL
    assert sorted(target.run()) == ALL


def test_a_plugin_that_is_there_before_the_watch_can_not_be_told(target: Target) -> None:
    target.project.write("early.py", "DATA = open('early.txt').read()\n")
    target.project.write("early.txt", "one")
    target.write(body="import early")
    given = ("-p", "early")
    assert sorted(target.run(*given)) == ALL
    assert sorted(target.run(*given)) == ALL
    notes = " ".join(target.project.manifest()["notes"])
    assert "the target imported early before its reads could be watched" in notes


def test_what_a_run_writes_into_the_project_is_no_edit(target: Target) -> None:
    """A log, a cache, junit's file, the output of the command itself."""
    target.write(
        body="(HERE / 'calls.txt').open('a').write('x'); (HERE / 'cache.json').write_text('1')"
    )
    assert sorted(target.run()) == ALL
    assert target.run("--junitxml=junit.xml") == []
    assert target.run("--junitxml=junit.xml") == []
    with (target.project.path / "printed.txt").open("w") as printed:
        for _ in range(2):
            command = [sys.executable, "-m", "pytest", "--evals"]
            subprocess.run(command, cwd=target.project.path, check=True, stdout=printed)
    assert target.project.manifest()["operations"]["reused_outputs"] == 5


def test_an_index_that_the_target_builds_is_taken_as_it_left_it(target: Target) -> None:
    target.write(
        body="p = HERE.parent / (HERE.name + '.idx'); p.exists() or p.write_text('1'); "
        "p.read_text()"
    )
    built = target.project.path.parent / f"{target.project.path.name}.idx"
    assert sorted(target.run()) == ALL
    assert target.run() == []
    built.write_text("another")
    assert sorted(target.run()) == ALL


def test_a_package_that_was_installed_from_a_folder_is_told_by_its_content(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = target.project.path.parent / f"{target.project.path.name}-packages"
    info = place / "ours-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "direct_url.json").write_text("{}")
    (info / "RECORD").write_text("ours.py,sha256=1,1")
    monkeypatch.setenv("PYTHONPATH", str(place))
    target.run()
    assert target.run() == []
    (info / "RECORD").write_text("ours.py,sha256=2,1")
    assert sorted(target.run()) == ALL


def test_an_option_of_the_users_own_counts(target: Target) -> None:
    target.project.write(
        "conftest.py",
        "import pytest\n"
        "def pytest_addoption(parser): parser.addoption('--flavour', default='a')\n"
        "@pytest.fixture(scope='session')\n"
        "def flavour(request): return request.config.getoption('--flavour')\n",
    )
    target.write(parameters=", flavour")
    assert sorted(target.run()) == ALL
    assert target.run() == []
    assert sorted(target.run("--flavour=b")) == ALL


def test_only_the_cases_that_were_edited_run_again(target: Target) -> None:
    target.run()
    cases = target.project.many(5)
    cases[2]["input"] = "word other"
    target.project.cases(cases)
    assert target.run() == ["c002"]


def test_a_killed_run_goes_on_where_it_was(target: Target) -> None:
    """kill -9 while cases run; then the same command: no finished trial runs again."""
    target.project.cases(target.project.many(120))
    target.write(body="import asyncio; await asyncio.sleep(0.05)")
    target.run("--evals-concurrency=4")
    undisturbed = target.project.rows()
    (target.project.path / ".evalsuite" / "store.db").unlink()
    target.log.unlink()
    command = [sys.executable, "-m", "pytest", "-q", "--evals", "--evals-concurrency=4"]
    killed = 0
    for _ in range(3):
        before = target.log.read_text().split() if target.log.exists() else []
        process = subprocess.Popen(
            command, cwd=target.project.path, stdout=subprocess.DEVNULL, env=dict(os.environ)
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            ran = target.log.read_text().split() if target.log.exists() else []
            if len(ran) >= len(before) + 10:
                break
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed += 1
    finished = target.log.read_text().split()
    done = subprocess.run(command, cwd=target.project.path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
    ran = target.log.read_text().split()
    again = len(ran) - len(set(ran))
    assert again <= 4 * killed  # only what was in flight when it was killed
    assert len(finished) < 120  # it was killed before its end
    assert target.project.rows() == undisturbed


def test_what_another_process_holds_is_no_obstacle(target: Target) -> None:
    target.write(body="import asyncio; await asyncio.sleep(0.2)")
    command = [sys.executable, "-m", "pytest", "-q", "--evals"]
    both = [
        subprocess.Popen(command, cwd=target.project.path, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    target.log.unlink()
    subprocess.run(command, cwd=target.project.path, check=True, stdout=subprocess.DEVNULL)
    assert not target.log.exists()
    assert not list(Path(target.project.path, ".evalsuite").glob("side-*.db"))
