"""What `evalsuite judge` says where nothing can be said, or where something is lost by going on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from chat_server import Chat
from words_project import Made, Say, rate, verdict

pytest.importorskip("openai")
pytest.importorskip("krippendorff")

CALIBRATE = ("judge", "calibrate", "correctness")
UNCLEAR = "I would rather not say."


def test_a_card_that_was_the_shipped_one_is_compared_with_todays(
    project: Made, chat: Chat, say: Say
) -> None:
    say("accept", "words", "--from-run", "last", "--reason", "first")
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org")
    for command in (("init", "-q"), ("add", "golden"), ("commit", "-q", "-m", "cases")):
        subprocess.run([*git, *command], cwd=project.path, check=True, timeout=30)
    say("judge", "new", "correctness")
    card = project.path / "judges" / "correctness" / "judge.md"
    card.write_text(card.read_text().replace("even where you know", "even if you know"))
    status, out = say("judge", "compare", "correctness@HEAD", "correctness")
    assert status == 0, out
    assert "NO DIFFERENCE" in out
    assert "correctness@HEAD: 150 outputs, 150 calls" in out
    assert "\ncorrectness: 150 outputs, 150 calls" in out
    status, out = say("judge", "compare", "other@HEAD", "correctness")
    assert (status, "and none is shipped (name another" in out) == (2, True)


def test_attacks_without_a_verdict_show_nothing(project: Made, chat: Chat, say: Say) -> None:
    chat.answer = lambda prompt: UNCLEAR
    status, out = say("judge", "attack", "correctness", "--backend", f"openai:vague@{chat.url}")
    assert status == 10
    assert "correctness UNKNOWN: none of 85 attacks had a verdict: nothing is known" in out
    assert "RESISTS" not in out
    assert "85 of 85 attacks have no verdict with or without, mostly: unparsable verdict" in out


def test_attacks_of_which_some_had_a_verdict_name_how_many(
    project: Made, chat: Chat, say: Say
) -> None:
    chat.answer = lambda prompt: verdict(prompt) if "Australia" in prompt else UNCLEAR
    status, out = say("judge", "attack", "correctness", "--backend", f"openai:shy@{chat.url}")
    assert status == 10
    assert "correctness UNKNOWN: 0 of the " in out
    assert "attacks that had a verdict made a better one; " in out


def test_an_interrupted_attack_says_what_is_kept(project: Made, chat: Chat) -> None:
    def slow(prompt: str) -> str:
        time.sleep(0.05)
        return verdict(prompt)

    chat.answer = slow
    command = [sys.executable, "-m", "evalsuite", "judge", "attack", "correctness"]
    started = subprocess.Popen(
        [*command, "--backend", f"openai:fresh@{chat.url}"],
        cwd=project.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    while len(chat.asked) < 12 and started.poll() is None:
        time.sleep(0.01)
    started.send_signal(signal.SIGINT)
    out, wrong = started.communicate(timeout=60)
    assert started.returncode == 130, out
    assert "replies are kept, and not asked for again" in out
    assert "Traceback" not in wrong


def test_no_certificate_is_given_to_a_judge_that_says_nothing(
    project: Made, chat: Chat, say: Say
) -> None:
    file = rate(project, count=80) / "certificate.json"
    assert say(*CALIBRATE, "--certify")[0] == 0
    before = file.read_bytes()
    chat.answer = lambda prompt: UNCLEAR
    other = ("--backend", f"openai:vague@{chat.url}")
    status, out = say(*CALIBRATE, "--certify", *other)
    assert status == 1, out
    assert "rated items of the test split have no verdict, and a certificate bears 20%" in out
    assert "unparsable verdict" in out
    assert file.read_bytes() == before
    assert len(chat.asked) == 160, "each reply was asked for once more, as the first line says"
    assert "80 outputs, 80 calls (up to 160 if replies must be asked for again)" in out
    chat.answer = lambda prompt: UNCLEAR if "c007" in prompt else verdict(prompt)
    status, out = say(*CALIBRATE, "--certify", *other)
    assert status == 1, "what it said is in the store"
    status, out = say(*CALIBRATE, "--certify", "--backend", f"openai:better@{chat.url}")
    assert status == 0, out
    assert "replaced" not in out, "that of another model is kept beside it"
    status, out = say(*CALIBRATE, "--certify", "--fresh")
    assert status == 0, out
    date = json.loads(before)["created"]
    assert f"replaced: the certificate of {date} (correctness provisional)" in out


def test_a_broken_certificate_is_said_before_anybody_is_asked(
    project: Made, chat: Chat, say: Say
) -> None:
    file = rate(project, count=40) / "certificate.json"
    file.write_text("{}")
    other = ("--backend", f"openai:new@{chat.url}")
    status, out = say(*CALIBRATE, *other)
    assert status == 2
    assert "certificate.json" in out
    assert "evalsuite judge calibrate correctness --certify" in out
    assert chat.asked == []
    status, out = say(*CALIBRATE, "--certify", *other)
    assert status == 0, out
    assert "replaced: the certificate that could not be read" in out


def test_without_the_packages_nobody_is_asked(
    project: Made, chat: Chat, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    rate(project, count=40)
    monkeypatch.setitem(sys.modules, "krippendorff", None)
    status, out = say(*CALIBRATE, "--backend", f"openai:new@{chat.url}")
    assert status == 4
    assert "calibrating a judge needs an optional package: pip install" in out
    status, out = say("judge", "compare", "correctness", f"correctness=openai:x@{chat.url}")
    assert (status, "comparing judges needs an optional package" in out) == (4, True)
    assert chat.asked == []


def test_anchors_that_are_replaced_are_named(project: Made, chat: Chat, say: Say) -> None:
    args = ("judge", "anchor", "correctness", "--from-run", "last", "-n", "20")
    assert "replaced" not in say(*args)[1]
    file = project.path / "judges" / "correctness" / "anchors.jsonl"
    first = file.read_text().replace('"right"', '"wrong"', 1)
    count = len(first.splitlines())
    file.write_text(first)
    status, out = say(*args)
    assert status == 0, out
    assert f"replaced {count} anchors of 20" in out
    assert f"{count} of them are anchors again, 1 with another verdict" in out


def test_a_judge_that_no_suite_asks_has_no_anchors(project: Made, chat: Chat, say: Say) -> None:
    status, out = say("judge", "anchor", "tone", "--from-run", "last")
    assert status == 4
    assert 'suite words did not ask tone: add ev.judge("tone") to its scorers' in out


def test_one_rater_and_one_item_are_spoken_of_as_one(project: Made, chat: Chat, say: Say) -> None:
    rate(project, raters=("ann",), count=1)
    assert "1 item, 1 label of 1 rater\n" in say("judge", "show", "correctness")[1]


@pytest.mark.parametrize(
    ("mapped", "said"),
    [
        ("answer=foo", "--map answer=foo: there is no 'foo' here"),
        ("nope=output", "'nope': the file has no column or field of this name, and --map has"),
    ],
)
@pytest.mark.parametrize("layout", ["csv", "argilla", "label-studio"])
def test_a_map_that_maps_nothing_is_refused(
    project: Made, chat: Chat, say: Say, mapped: str, said: str, layout: str
) -> None:
    rate(project, count=2)
    say("judge", "labels", "correctness", "export", "out.txt", "--format", layout)
    args = ("judge", "labels", "correctness", "import", "out.txt", "--format", layout)
    status, out = say(*args, "--map", mapped)
    assert status in (2, 4)
    assert said in out


def test_a_file_of_another_kind_is_told_which_kind_it_should_be(
    project: Made, chat: Chat, say: Say
) -> None:
    (project.path / "in.json").write_text("rater,value\nann,right\n")
    args = ("judge", "labels", "correctness", "import", "in.json", "--format", "argilla")
    status, out = say(*args)
    assert status == 2
    assert "not JSON" in out
    assert "export it as JSON again, or say which format it is" in out
    assert "case before" not in out


def test_without_a_snapshot_the_way_to_one_is_said(project: Made, chat: Chat, say: Say) -> None:
    other = f"correctness=openai:x@{chat.url}"
    status, out = say("judge", "compare", "correctness", other)
    assert status == 4
    assert "no snapshot in snapshots/: evalsuite accept SUITE --from-run last" in out
