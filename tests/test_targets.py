"""Targets that are no Python function: asked over real HTTP, started as real processes."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pytest_httpserver", reason="not installed with the oldest pytest")

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

import evalsuite as ev
from evalsuite.errors import BackendError, EvalsuiteError, SuiteError
from evalsuite.targets.reply import LIMIT, Paths

SECRET = 'canary"/é-value-0123456789'
CASE = ev.Case(id="c1", input={"question": "Why?", "items": [1, 2], "messages": [{"role": "user"}]})
ASK = {"question": "{{ case.input.question }}"}


def ask(target: Any, case: ev.Case = CASE, **more: Any) -> ev.Output:
    output: ev.Output = asyncio.run(target(case, **more))
    return output


@pytest.fixture
def other() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1") as server:
        yield server


def echo(request: Request) -> Response:
    """Answers with what it was sent: body, query and headers."""
    body = json.loads(request.data) if request.data else dict(request.args)
    sent = {"answer": "ok", "body": body, "headers": dict(request.headers)}
    return Response(json.dumps(sent), content_type="application/json")


def answering(server: HTTPServer, reply: Any, status: int = 200) -> str:
    data = reply if isinstance(reply, str) else json.dumps(reply)
    server.expect_request("/a").respond_with_data(data, status=status)
    return server.url_for("/a")


# What is sent.


def test_a_template_is_filled_with_the_case_and_the_variant(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a", method="POST").respond_with_handler(echo)
    template = {
        "q": "{{ case.input.question }} ({{ case.id }})",
        "all": "{{ case.input.messages }}",
        "count": "{{ case.input.items | length }}",
        "items": "{{ case.input.items }}",
        "prompt": "{{ variant.prompt }}",
        "fixed": [1, None, True],
    }
    target = ev.http_target(httpserver.url_for("/a"), template, value="$.body")
    assert ask(target, variant={"prompt": "v2"}).value == {
        "q": "Why? (c1)",
        "all": [{"role": "user"}],
        "count": 2,
        "items": [1, 2],
        "prompt": "v2",
        "fixed": [1, None, True],
    }


def test_with_get_the_template_is_the_query(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a", method="GET").respond_with_handler(echo)
    target = ev.http_target(httpserver.url_for("/a"), ASK, method="GET", value="$.body")
    assert ask(target).value == {"question": "Why?"}


def test_what_the_answer_is_judged_by_is_not_sent(httpserver: HTTPServer) -> None:
    target = ev.http_target(httpserver.url_for("/a"), {"q": "{{ case.expected }}"})
    with pytest.raises(EvalsuiteError, match=r"template\['q'\].*expected.*c1"):
        ask(target, ev.Case(id="c1", input="x", expected="the answer"))


def test_a_template_reaches_nothing_but_plain_values(httpserver: HTTPServer) -> None:
    text = "{{ case.input.__class__.__mro__[1].__subclasses__() }}"
    with pytest.raises(EvalsuiteError, match="template"):
        ask(ev.http_target(httpserver.url_for("/a"), {"q": text}))


def test_a_template_that_is_none_is_refused_before_anything_is_asked() -> None:
    target = ev.http_target("http://127.0.0.1:9/", {"q": "{{ case.input"})
    with pytest.raises(SuiteError, match=r"template\['q'\]"):
        target.prepare()


# What comes back.

SALARIES = {"id": "pay", "text": "three", "metadata": {"tenant": "acme", "expires": None}}


def test_the_parts_of_a_reply_become_those_of_an_output(httpserver: HTTPServer) -> None:
    reply = {
        "result": {"text": "Sixteen weeks.", "days": 112},
        "sources": [
            {"id": 7, "text": "one", "url": "x", "metadata": None},
            {"text": "two", "score": 0.5},
            SALARIES,
        ],
        "steps": [{"name": "search", "arguments": {"q": "leave"}, "ms": 3}],
        "served_by": "small-2",
    }
    target = ev.http_target(
        answering(httpserver, reply),
        ASK,
        text="result.text",
        value="$.result",
        contexts="$.sources",
        tool_calls="$['steps']",
        model="$.served_by",
    )
    found = ask(target)
    assert found.text == "Sixteen weeks."
    assert found.value["days"] == 112
    assert found.contexts == (
        ev.Document("7", "one"),
        ev.Document("2", "two", 0.5),
        ev.Document("pay", "three", metadata={"tenant": "acme", "expires": None}),
    )
    assert found.tool_calls == (ev.ToolCall("search", {"q": "leave"}),)
    assert found.model == "small-2"


def test_a_star_stands_for_each_item() -> None:
    body = json.dumps({"docs": [{"t": "a"}, {"t": "b"}]}).encode()
    found = Paths(text="$.docs[1].t", contexts="$.docs[*].t").read(body)
    assert (found.text, [each.text for each in found.contexts]) == ("b", ["a", "b"])


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ({"text": "x"}, r"\$\.answer is not in the reply: there is 'text'"),
        ({"answer": None}, "text must be text, not null"),
        ({"answer": ["x"]}, "text must be text"),
        ("<html>", "the reply is not JSON"),
        ('{"answer": NaN}', "text must be text|not JSON"),
        ("[" * 5000, "not JSON"),
        ("", "not JSON"),
    ],
)
def test_a_reply_without_what_was_promised_is_an_outcome_of_the_app(
    httpserver: HTTPServer, reply: Any, says: str
) -> None:
    with pytest.raises(ev.TargetError, match=says):
        ask(ev.http_target(answering(httpserver, reply), ASK))


def test_without_a_path_the_whole_reply_is_the_answer(httpserver: HTTPServer) -> None:
    target = ev.http_target(answering(httpserver, "Sixteen.\n"), ASK, text=None)
    assert ask(target).text == "Sixteen."


@pytest.mark.parametrize("path", ["", "answer..x", "$.a[", "$.a[x]", 3])
def test_a_path_that_is_none_is_refused_where_it_is_written(path: Any) -> None:
    with pytest.raises(SuiteError, match="text must be a path"):
        ev.http_target("http://127.0.0.1:9/", ASK, text=path)


# What goes wrong.


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_status_of_the_apps_own_is_an_outcome(httpserver: HTTPServer, status: int) -> None:
    target = ev.http_target(answering(httpserver, "sorry", status), ASK)
    with pytest.raises(ev.TargetError, match=f"status {status}: 'sorry'"):
        ask(target)


@pytest.mark.parametrize("status", [401, 403, 429])
def test_an_app_that_may_not_be_asked_is_an_error(httpserver: HTTPServer, status: int) -> None:
    target = ev.http_target(answering(httpserver, "no", status), ASK)
    with pytest.raises(BackendError, match=f"status {status}"):
        ask(target)


def test_an_app_that_is_not_there_is_an_error() -> None:
    with pytest.raises(BackendError, match="ConnectError"):
        ask(ev.http_target("http://127.0.0.1:9/a", ASK))


def test_a_reply_without_end_is_cut_off(httpserver: HTTPServer) -> None:
    def endless(request: Request) -> Response:
        return Response((b"x" * 65_536 for _ in range(1000)), content_type="text/plain")

    httpserver.expect_request("/a").respond_with_handler(endless)
    with pytest.raises(ev.TargetError, match="longer than 10 MiB"):
        ask(ev.http_target(httpserver.url_for("/a"), ASK, text=None))
    assert LIMIT == 10 * 1024 * 1024


def test_redirects_without_end_are_an_outcome(httpserver: HTTPServer) -> None:
    away = Response("", 307, {"Location": httpserver.url_for("/a")})
    httpserver.expect_request("/a").respond_with_response(away)
    with pytest.raises(ev.TargetError, match="more than 5 redirects"):
        ask(ev.http_target(httpserver.url_for("/a"), ASK))


# What must stay secret.


def test_a_header_takes_a_variable_that_is_shown_nowhere(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_AUTH", "canary-value-0123456789")
    httpserver.expect_request("/a").respond_with_handler(echo)
    target = ev.http_target(
        httpserver.url_for("/a"), ASK, headers={"X-Api": "Bearer $APP_AUTH"}, value="$.headers"
    )
    found = ask(target)
    sent, _ = httpserver.log[0]
    assert sent.headers["X-Api"] == "Bearer canary-value-0123456789"
    assert found.value["X-Api"] == "Bearer [APP_AUTH]"
    assert "canary" not in repr(target) + repr(found)


def test_an_app_that_sends_a_secret_back_in_other_spelling_gives_it_to_nobody(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_AUTH", SECRET)
    reply = json.dumps({"answer": f"<{SECRET}>"})
    assert SECRET not in reply  # escaped
    httpserver.expect_request("/a").respond_with_data(reply)
    url = httpserver.url_for("/a") + "?key=$APP_AUTH"
    assert ask(ev.http_target(url, ASK)).text == "<[APP_AUTH]>"


def test_an_error_names_the_url_as_it_is_written(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_AUTH", "canary-value-0123456789")
    url = answering(httpserver, "you sent canary-value-0123456789", 500)
    with pytest.raises(ev.TargetError) as raised:
        ask(ev.http_target(url + "?key=$APP_AUTH", ASK))
    assert "?key=$APP_AUTH" in str(raised.value)
    assert "canary" not in str(raised.value)


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APP_AUTH", raising=False)
    target = ev.http_target("http://127.0.0.1:9/", ASK, headers={"X-Api": "$APP_AUTH"})
    with pytest.raises(EvalsuiteError, match="the environment has no APP_AUTH"):
        ask(target)


def test_a_password_in_a_url_is_refused_without_being_shown() -> None:
    with pytest.raises(SuiteError) as raised:
        ev.http_target("http://me:canary-pass@127.0.0.1:9/", ASK)
    assert "canary" not in str(raised.value)


def test_headers_stay_with_their_host(
    httpserver: HTTPServer, other: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_AUTH", "canary-value-0123456789")
    other.expect_request("/b").respond_with_handler(echo)
    for place, to in (("/near", httpserver.url_for("/b")), ("/far", other.url_for("/b"))):
        away = Response("", 307, {"Location": to})
        httpserver.expect_request(place).respond_with_response(away)
    httpserver.expect_request("/b").respond_with_handler(echo)
    headers = {"X-Api": "$APP_AUTH"}
    near = ask(ev.http_target(httpserver.url_for("/near"), ASK, headers=headers, value="$.headers"))
    far = ask(ev.http_target(httpserver.url_for("/far"), ASK, headers=headers, value="$"))
    assert near.value["X-Api"] == "[APP_AUTH]"
    assert far.value["body"] == {"question": "Why?"}
    assert "X-Api" not in far.value["headers"]
    assert "canary" not in str([request.headers for request, _ in other.log])


def test_a_cookie_of_one_case_is_not_the_next_ones(httpserver: HTTPServer) -> None:
    def welcome(request: Request) -> Response:
        known = "again" if request.cookies else "new"
        return Response(json.dumps({"answer": known}), headers={"Set-Cookie": "seen=1"})

    httpserver.expect_request("/a").respond_with_handler(welcome)
    target = ev.http_target(httpserver.url_for("/a"), ASK)
    assert [ask(target).text for _ in range(2)] == ["new", "new"]


# Commands.


def program(folder: Path, source: str) -> list[str]:
    (folder / "app.py").write_text(source, encoding="utf-8")
    return [sys.executable, str(folder / "app.py")]


def test_a_command_reads_the_case_and_prints_text(tmp_path: Path) -> None:
    source = "import json, sys\ncase = json.load(sys.stdin)\nprint(case['input']['question'])\n"
    assert ask(ev.command_target(program(tmp_path, source))).text == "Why?"


def test_a_command_may_print_json(tmp_path: Path) -> None:
    source = 'import sys\nprint(sys.stdin.read().strip())\nprint("noise", file=sys.stderr)\n'
    command = program(tmp_path, source)
    target = ev.command_target(command, {"a": ASK}, text="$.a.question", value="$")
    found = ask(target)
    assert (found.text, found.value) == ("Why?", {"a": {"question": "Why?"}})


def test_a_command_that_does_not_read_is_answered_all_the_same(tmp_path: Path) -> None:
    long = ev.Case(id="c1", input="x" * 1_000_000)
    assert ask(ev.command_target(program(tmp_path, "print('here')")), long).text == "here"


def test_a_command_that_fails_is_an_outcome_with_its_last_words(tmp_path: Path) -> None:
    command = program(tmp_path, "raise SystemExit('no such index')")
    with pytest.raises(ev.TargetError, match="status 1: no such index"):
        ask(ev.command_target(command))


def test_a_command_that_prints_without_end_is_an_outcome(tmp_path: Path) -> None:
    command = program(tmp_path, "while True: print('x' * 100_000)")
    with pytest.raises(ev.TargetError, match="more than 10 MiB"):
        ask(ev.command_target(command))


def test_a_command_that_is_not_there_is_an_error() -> None:
    with pytest.raises(EvalsuiteError, match="can't be started"):
        ask(ev.command_target(["./no-such-program"]))


@pytest.mark.skipif(os.name != "posix", reason="children are a process group")
def test_a_command_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    source = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open(sys.argv[1], 'w').write(f'{os.getpid()} {child.pid}')\n"
        "time.sleep(600)\n"
    )
    noted = tmp_path / "pids"
    target = ev.command_target([*program(tmp_path, source), str(noted)])

    async def hurried() -> None:
        task = asyncio.create_task(target(CASE))
        await asyncio.to_thread(until, lambda: noted.exists() and " " in noted.read_text())
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(hurried())
    for pid in map(int, noted.read_text().split()):
        assert until(lambda pid=pid: gone(pid)), pid


def gone(pid: int) -> bool:
    """Whether a process has ended; a killed child waits as a zombie for whoever adopts it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return True
    return state == "Z"


def until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


# In a suite.

SUITE = """
import evalsuite as ev

words = ev.suite(golden="words", timeout=20{more})(
    ev.http_target({url!r}, {{"q": "{{{{ case.input }}}}"}}, name="words")
)
"""


def answer_word(request: Request) -> Response:
    asked = json.loads(request.data)["q"]
    if asked == "word 3":
        return Response("crashed", 500)
    return Response(json.dumps({"answer": asked}))


@pytest.fixture
def served(project: Any, httpserver: HTTPServer) -> Any:
    httpserver.expect_request("/a").respond_with_handler(answer_word)
    project.cases(project.many(5))
    project.server = httpserver
    project.source = lambda more="": SUITE.format(more=more, url=httpserver.url_for("/a"))
    project.write("test_words.py", project.source())
    return project


def test_an_endpoint_is_a_suite_of_its_own(served: Any) -> None:
    done = served.run_apart("-v")
    assert done.ret == 0, done.stdout.str()
    done.stdout.fnmatch_lines(["*test_words.py::words?c000? PASSED*"])
    row = served.rows()["c003"]
    assert row["scores"]["completion"] == [0]
    assert "status 500: 'crashed'" in row["errors"][0]
    assert row["errors"][0].startswith("target: ")


def test_an_endpoint_is_asked_again_unless_its_version_is_declared(served: Any) -> None:
    served.run_apart()
    served.run_apart()
    assert len(served.server.log) == 10
    assert any("connects to" in note for note in served.manifest()["notes"])
    served.write("test_words.py", served.source(', external="v1"'))
    served.run_apart()
    served.run_apart()
    assert len(served.server.log) == 10 + 5 + 1  # a crash is not kept


def test_an_endpoint_that_is_not_there_is_no_score(served: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}/a"
    source = served.source().replace(served.server.url_for("/a"), closed)
    served.write("test_words.py", source)
    done = served.run_apart()
    assert done.ret == 10
    row = served.rows()["c000"]
    assert row["errors"][0].startswith("provider: ")
    assert row["scores"]["completion"] == [None]


def test_a_broken_template_is_one_error_at_collection(served: Any) -> None:
    served.write("test_words.py", served.source().replace(" }}", " "))
    done = served.run_apart()
    assert done.ret == 2
    said = done.stdout.str() + done.stderr.str()
    assert "test_words.py:" in said
    assert "suite words: template['q']" in said
    assert not served.server.log


def test_a_command_runs_in_the_folder_of_its_suite(project: Any) -> None:
    project.write("evals/data.txt", "word from the file")
    project.write(
        "evals/test_words.py",
        "import sys, evalsuite as ev\n"
        "CODE = 'print(open(\"data.txt\").read())'\n"
        "words = ev.suite(golden='words')(\n"
        "    ev.command_target([sys.executable, '-c', CODE], name='words')\n)\n",
    )
    project.cases(project.many(2))
    done = project.run_apart()
    assert done.ret == 0, done.stdout.str()
    assert project.rows()["c000"]["scores"]["checks"] == [1]


def test_a_command_that_hangs_is_a_timeout_and_no_score(project: Any) -> None:
    project.write(
        "test_words.py",
        "import sys, evalsuite as ev\n"
        "words = ev.suite(golden='words', timeout=1)(\n"
        "    ev.command_target([sys.executable, '-c', 'import time; time.sleep(600)'],\n"
        "    name='words')\n)\n",
    )
    project.cases(project.many(1))
    done = project.run_apart()
    assert done.ret == 10
    assert project.rows()["c000"]["errors"] == ["timeout: no answer within 1 s"]


def test_a_secret_is_in_no_file_that_a_run_leaves(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_LOGIN", "canary-value-0123456789")

    def tell(request: Request) -> Response:
        asked = json.loads(request.data)["q"]
        said = f"{asked}, word, asked by {request.headers['X-Login']}"
        return Response(json.dumps({"answer": said}), 500 if asked == "word 3" else 200)

    served.server.clear()
    served.server.expect_request("/b").respond_with_handler(tell)
    url = served.server.url_for("/b?login=")
    source = served.source().replace('name="words"', 'name="words", headers={"X-Login": LOGIN}')
    source = source.replace(served.server.url_for("/a"), url + "$APP_LOGIN")
    served.write("test_words.py", "LOGIN = 'Bearer ${APP_LOGIN}'\n" + source)
    done = served.run_apart("-vv", "--junit-xml=junit.xml")
    assert done.ret == 0, done.stdout.str()
    assert served.server.log[0][0].headers["X-Login"] == "Bearer canary-value-0123456789"
    assert "Bearer [APP_LOGIN]" in served.rows()["c003"]["errors"][0]
    left = [file for file in served.path.rglob("*") if file.is_file()]
    assert len(left) > 5
    for file in left:
        assert b"canary-value" not in file.read_bytes(), file
    assert "canary-value" not in done.stdout.str() + done.stderr.str()
