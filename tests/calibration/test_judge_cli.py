"""`evalsuite judge` in a user's project, with a model that speaks the chat API."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from chat_server import Chat
from words_project import Made, Say, items_of_run, rate, verdict

from evalsuite.calibration.anchors import read_anchors
from evalsuite.calibration.labels import (
    append_items,
    append_labels,
    item_id,
    read_items,
    read_labels,
)
from evalsuite.calibration.records import Item, Label
from evalsuite.calibration.splits import looks, split_of
from evalsuite.judging.records import Subject
from evalsuite.snapshot import load

pytest.importorskip("openai")
pytest.importorskip("krippendorff")


def test_from_labels_to_a_judge_that_gates(project: Made, chat: Chat, say: Say) -> None:
    status, out = say("judge", "calibrate", "correctness")
    assert status == 4
    assert "holds no labels: evalsuite rate correctness" in out
    folder = rate(project)
    asked = len(chat.asked)

    status, out = say("judge", "calibrate", "correctness", "--split", "dev")
    assert status == 0, out
    assert looks(folder) == []
    status, out = say("judge", "calibrate", "correctness")
    assert status == 0, out
    assert "150 outputs, 150 calls (up to 300 if replies must be asked for again); stored" in out
    assert "0 calls asked now, 150 from the store" in out
    assert len(chat.asked) == asked, "what the run asked is not asked again"
    assert "Spearman's rho 1.00" in out
    assert "UNCERTIFIED: no certificate" in out
    assert len(looks(folder)) == 1
    page = (project.path / "reports/judges/correctness/report.html").read_text()
    assert "Confusion table" in page
    assert (project.path / "reports/judges/correctness/report.md").exists()

    status, out = say("judge", "calibrate", "correctness", "--certify", "--offline")
    assert status == 0, out
    assert "certificate   correctness trusted; until" in out
    assert "TRUSTED:" in out
    assert "(the test split)" in out
    assert len(looks(folder)) == 1, "a certificate is what the test split is for"
    status, out = say("judge", "list")
    assert re.search(r"correctness +reference +shipped +300 +trusted", out)
    assert re.search(r"tone +rubric +shipped +0 +uncertified +no certificate", out)
    project.evals()
    standing = project.manifest()["judges"]["correctness"]
    assert (standing["state"], standing["judge"]) == ("trusted", "correctness")


def test_a_changed_word_of_the_card_in_the_project_ends_it(
    project: Made, chat: Chat, say: Say
) -> None:
    rate(project)
    say("judge", "calibrate", "correctness", "--certify")
    status, out = say("judge", "new", "correctness")
    assert status == 0, out
    assert "correctness: trusted" in say("judge", "show", "correctness")[1]
    card = project.path / "judges" / "correctness" / "judge.md"
    card.write_text(card.read_text().replace("even where you know", "even if you know"))
    out = say("judge", "show", "correctness")[1]
    assert "uncertified: stale: the card changed since the certificate of" in out
    assert "next: measure it: `evalsuite judge calibrate correctness --certify`" in out
    status, out = say("judge", "new", "correctness")
    assert (status, "is there already" in out) == (4, True)


def test_offline_a_verdict_that_is_not_stored_is_missing_and_said(
    project: Made, chat: Chat, say: Say
) -> None:
    rate(project, count=60)
    other = f"openai:never-asked@{chat.url}"
    args = ("judge", "calibrate", "correctness", "--offline")
    status, out = say(*args, "--backend", other)
    assert status == 2
    assert "correctness gave no verdict: no stored reply" in out
    assert chat.asked == []


def test_scores_made_elsewhere(project: Made, chat: Chat, say: Say) -> None:
    folder = rate(project)
    scores = project.path / "scores.csv"
    rows = [
        f"{item.case},{0.9 if item.subject.expected in item.subject.output else 0.2}"
        for item in read_items(folder).values()
    ]
    scores.write_text("case,score\n" + "\n".join(rows) + "\n")
    status, out = say("judge", "calibrate", "correctness", "--scores", "scores.csv")
    assert status == 0, out
    assert "150 made elsewhere" in out
    assert "Spearman's rho 1.00" in out
    status, out = say("judge", "calibrate", "correctness", "--scores", "scores.csv", "--certify")
    assert (status, "no certificate can be bound" in out) == (4, True)
    scores.write_text("case,score\nc000,12\nc001,0.5\nnone,0.5\n")
    status, out = say("judge", "calibrate", "correctness", "--scores", "scores.csv")
    assert status == 2
    assert "scores.csv:2: score: must be a number from 0 to 1, not '12'" in out
    assert "scores.csv:4: case: no item is of case 'none'" in out


def test_labels_go_out_and_come_in(project: Made, chat: Chat, say: Say) -> None:
    folder = rate(project, raters=("ann",))
    status, out = say("judge", "labels", "correctness", "export", "out.csv", "--format", "csv")
    assert status == 0, out
    text = (project.path / "out.csv").read_text("utf-8-sig").replace(",ann,", ",bob,")
    (project.path / "in.csv").write_text(text)
    args = ("judge", "labels", "correctness", "import", "in.csv", "--format", "csv")
    assert "150 labels and 0 items added" in say(*args)[1]
    assert "0 labels and 0 items added, 150 labels were there" in say(*args)[1]
    assert {each.rater for each in read_labels(folder)} == {"ann", "bob"}
    status, out = say("judge", "labels", "correctness", "export", "out.csv", "--format", "csv")
    assert (status, "is there already" in out) == (4, True)
    export = ("judge", "labels", "correctness", "export", "ls.json", "--format", "label-studio")
    assert "ls.xml" in say(*export)[1]
    (project.path / "in.csv").write_text(text.replace(",right,", ",rihgt,"))
    status, out = say(*args)
    assert status == 2
    assert 'did you mean "right"' in out
    assert len(read_labels(folder)) == 300


def test_a_comparison_says_what_moved_and_bridges_the_snapshot(
    project: Made, chat: Chat, say: Say
) -> None:
    say("accept", "words", "--from-run", "last", "--reason", "first")
    rate(project)
    before = load(project.path / "snapshots" / "words")

    def strict(prompt: str) -> str:
        return (
            verdict(prompt).replace("right", "partial") if '"c01' not in prompt else verdict(prompt)
        )

    chat.answer = strict
    other = f"correctness=openai:other@{chat.url}"
    status, out = say("judge", "compare", "correctness", other)
    assert status == 0, out
    assert re.search(r"overall +150 +50\.0% +2[5-9]\.\d%", out), out
    assert re.search(r"parity=even +75 +0\.0% +0\.0% +0\.0", out)
    assert re.search(r"parity=odd +75 +100\.0% +5\d", out)
    assert "the snapshot's scores are OLD's" in out
    assert "McNemar" not in out, "a level between makes it no yes or no"
    assert "not ruled out" in out
    assert load(project.path / "snapshots" / "words").rows == before.rows

    status, out = say("judge", "compare", "correctness", other, "--bridge")
    assert (status, "--reason" in out) == (4, True)
    asked = len(chat.asked)
    status, out = say(
        "judge", "compare", "correctness", other, "--bridge", "--reason", "another model"
    )
    assert status == 0, out
    assert len(chat.asked) == asked
    after = load(project.path / "snapshots" / "words")
    assert after.manifest.accepted["reason"] == "judge correctness: another model"
    assert after.rows["c001"].scores["correctness"] == (0.5,)
    assert after.rows["c000"].scores["correctness"] == (0.0,)
    assert after.rows["c001"].scores["completion"] == (1.0,)
    new = {row.scorer_keys["correctness"] for row in after.rows.values()}
    assert len(new) == 1
    assert new != {row.scorer_keys["correctness"] for row in before.rows.values()}
    assert after.rows["c001"].outputs == before.rows["c001"].outputs


def test_a_card_is_compared_with_what_it_was_in_git(project: Made, chat: Chat, say: Say) -> None:
    say("accept", "words", "--from-run", "last", "--reason", "first")
    say("judge", "new", "correctness")
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org")
    for command in (("init", "-q"), ("add", "judges"), ("commit", "-q", "-m", "card")):
        subprocess.run([*git, *command], cwd=project.path, check=True, timeout=30)
    card = project.path / "judges" / "correctness" / "judge.md"
    status, out = say("judge", "compare", "correctness@HEAD", "correctness")
    assert (status, "are one judge" in out) == (4, True)
    card.write_text(card.read_text().replace("even where you know", "even if you know"))
    status, out = say("judge", "compare", "correctness@HEAD", "correctness")
    assert status == 0, out
    assert "NO DIFFERENCE" in out
    assert "0 outputs are rated by people, of 100" in out
    status, out = say("judge", "compare", "correctness@nowhere", "correctness")
    assert (status, "git knows no such revision" in out) == (2, True)


def test_one_judge_that_can_not_be_read_hides_no_other(project: Made, say: Say) -> None:
    rate(project, count=5)
    (project.path / "judges" / "correctness" / "labels.jsonl").write_text('{"item": 1}\n')
    status, out = say("judge", "list")
    assert status == 2
    assert re.search(r"correctness +unusable +see below", out)
    assert "labels.jsonl:1:" in out
    assert re.search(r"tone +rubric +shipped", out)


def test_anchors_are_frozen_with_their_verdicts(project: Made, chat: Chat, say: Say) -> None:
    asked = len(chat.asked)
    status, out = say("judge", "anchor", "correctness", "--from-run", "last", "-n", "20")
    assert status == 0, out
    assert len(chat.asked) == asked
    anchors = read_anchors(project.path / "judges" / "correctness")
    assert 18 <= len(anchors) <= 22
    row = next(iter(load(next(project.path.glob(".evalsuite/runs/*/words"))).rows.values()))
    assert {each.judge for each in anchors} == {row.scorer_keys["correctness"]}
    good = [each.judged["correctness"] == "right" for each in anchors]
    assert good == [each.subject.expected in each.subject.output for each in anchors]
    assert 0.3 < sum(good) / len(good) < 0.7


def test_attacks_on_an_honest_judge_change_nothing(project: Made, chat: Chat, say: Say) -> None:
    status, out = say("judge", "attack", "correctness")
    assert status == 0, out
    assert re.search(r"correctness RESISTS: 0 of \d+ attacks made a better verdict", out)
    assert (project.path / "reports/judges/correctness/attack.html").exists()

    def obedient(prompt: str) -> str:
        said = verdict(prompt)
        return said.replace("wrong", "right") if "ignore" in prompt.lower() else said

    chat.answer = obedient
    status, out = say("judge", "attack", "correctness", "--backend", f"openai:weak@{chat.url}")
    assert status == 1
    assert "FOLLOWS" in out


def test_no_certificate_rests_on_the_verdicts_that_happened_to_arrive(
    project: Made, chat: Chat, say: Say
) -> None:
    rate(project, count=40)
    chat.answer = lambda prompt: 400 if "c007" in prompt else verdict(prompt)
    args = ("judge", "calibrate", "correctness", "--backend", f"openai:new@{chat.url}")
    status, out = say(*args, "--certify")
    assert status == 2
    assert "1 rated item has no reply, and a certificate needs all" in out
    assert not (project.path / "judges" / "correctness" / "certificate.json").exists()
    status, out = say(*args)
    assert status == 0, out
    assert "no reply      1 item:" in out


def test_pairs_are_asked_in_both_orders_and_their_places_told(
    project: Made, chat: Chat, say: Say
) -> None:
    def longer(prompt: str) -> str:
        names = re.findall(r'"([\w-]+)"', prompt.rsplit("alone: ", 1)[1].split("\n", maxsplit=1)[0])
        found = re.findall(r'<data-\w+ name="([\w ]+)"[^>]*>\n(.*?)\n</data-', prompt, re.DOTALL)
        texts = dict(found)
        said = "first" if len(texts["first"]) >= len(texts["second"]) else "second"
        return json.dumps({name: {"critique": "longer", "verdict": said} for name in names})

    chat.answer = longer
    made = []
    for n in range(60):
        pair = (
            ("a short one", "a longer one, by far") if n % 2 else ("same length 1", "same length 2")
        )
        subject = Subject(input=f"question {n}", output=pair[0], other=pair[1])
        made.append(Item(id=item_id(subject), subject=subject, case=f"p{n}"))
    folder = project.path / "judges" / "preference"
    append_items(folder, made)
    labels = [
        Label(item=x.id, rater="ann", criterion="preference", value="B" if n % 2 else "tie")
        for n, x in enumerate(made)
    ]
    append_labels(folder, labels)
    status, out = say("judge", "calibrate", "preference")
    assert status == 0, out
    assert len(chat.asked) == 120
    assert "120 calls asked now" in out
    assert re.search(r"orders disagree +0\.50", out), "of equal length the first one wins"
    assert re.search(r"what is shown first wins +0\.75", out)
    assert "TNR 1.00" in out


def test_a_budget_ends_the_asking_and_what_was_answered_is_kept(
    project: Made, chat: Chat, say: Say
) -> None:
    settings = project.path / "pyproject.toml"
    settings.write_text(settings.read_text() + 'budget = ["10calls"]\n')
    rate(project, count=40)
    args = ("judge", "calibrate", "correctness", "--backend", f"openai:dear@{chat.url}")
    status, out = say(*args)
    assert status == 0, out
    assert "10 calls asked now, 0 from the store" in out
    assert "no reply      30 items: the budget of 10 calls" in out
    status, out = say(*args)
    assert "10 calls asked now, 10 from the store" in out
    assert len(chat.asked) == 20


def test_a_model_that_changed_behind_its_name_is_asked_anew(
    project: Made, chat: Chat, say: Say
) -> None:
    rate(project, count=40)
    chat.answer = lambda prompt: verdict(prompt).replace("right", "wrong")
    args = ("judge", "calibrate", "correctness")
    assert "Spearman's rho 1.00" in say(*args)[1], "what it once said is in the store"
    assert chat.asked == []
    status, out = say(*args, "--fresh")
    assert status == 0, out
    assert (
        "40 calls (up to 80 if replies must be asked for again); none is taken from the store"
        in out
    )
    assert "40 calls asked now, 0 from the store" in out
    assert "Spearman's rho unknown" in out, "it says wrong to everything now"
    say(*args, "--fresh")
    assert len(chat.asked) == 40
    assert say(*args, "--fresh", "--offline")[0] == 4


def test_a_suites_votes_are_another_judge(project: Made, chat: Chat, say: Say) -> None:
    rate(project, count=30)
    status, out = say("judge", "calibrate", "correctness", "--votes", "3", "--certify")
    assert status == 0, out
    assert "30 outputs, 90 calls" in out
    assert "stale: the card changed" in say("judge", "show", "correctness")[1]
    status, out = say("judge", "calibrate", "correctness", "--votes", "99")
    assert (status, "--votes must be from 1 to 25" in out) == (4, True)


def test_an_interrupted_calibration_loses_nothing(project: Made, chat: Chat) -> None:
    rate(project, count=50)

    def slow(prompt: str) -> str:
        time.sleep(0.05)
        return verdict(prompt)

    chat.answer = slow
    command = [
        *(sys.executable, "-m", "evalsuite", "judge", "calibrate", "correctness"),
        *("--backend", f"openai:fresh@{chat.url}"),
    ]
    started = subprocess.Popen(
        command, cwd=project.path, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    while len(chat.asked) < 12 and started.poll() is None:
        time.sleep(0.01)
    started.send_signal(signal.SIGINT)
    out, _ = started.communicate(timeout=60)
    assert started.returncode == 130, out
    kept = int(re.search(r"interrupted: (\d+) replies are kept", out)[1])  # type: ignore[index]
    assert kept >= 6
    before = len(chat.asked)
    done = subprocess.run(
        command, cwd=project.path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    found = re.search(r"(\d+) calls asked now, (\d+) from the store", done.stdout)
    assert found is not None
    assert int(found[1]) + int(found[2]) == 50
    assert int(found[2]) >= kept
    assert len(chat.asked) - before == int(found[1])


def test_items_of_both_splits_are_there(project: Made, chat: Chat) -> None:
    splits = [split_of(each) for each in items_of_run(project)]
    assert 20 <= splits.count("dev") <= 60
