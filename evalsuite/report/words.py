"""A word diff that stays readable and cheap on any two texts.

The shortest edit script over words (Myers, "An O(ND) Difference Algorithm and Its Variations",
1986), given up beyond `_EDITS` edits: then the texts have little in common, and showing one
removed and the other added says so best. A model can't make it slow.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalsuite.report.blocks import Piece

_WORD = re.compile(r"([\u3040-\u30ff\u3400-\u9fff]|\w+|[^\w\s])(\s*)")
"""A word, a sign, or one character of a script that writes no spaces; and the white space after."""

_EDITS = 240
_ENDS, _STARTS = ".,;:!?", "([{“"
_LIMIT = 6_000
"""Characters of each text that are looked at."""

Token = tuple[str, str]
Step = tuple[Token | None, Token | None]
"""A token before and after: both for a common one, one of them for an edit."""


def compare(before: str, after: str) -> tuple[Piece, ...]:
    """Pieces that spell `after` without the "gone" ones, and `before` without the "new" ones.

    White space alone makes no difference; texts beyond 6,000 characters are cut there.
    """
    old, new = _tokens(before), _tokens(after)
    start = 0
    while start < min(len(old), len(new)) and old[start][0] == new[start][0]:
        start += 1
    end = 0
    most = min(len(old), len(new)) - start
    while end < most and old[-1 - end][0] == new[-1 - end][0]:
        end += 1
    middle = _script(old[start : len(old) - end], new[start : len(new) - end])
    head = list(zip(old[:start], new[:start], strict=True))
    tail = list(zip(old[len(old) - end :], new[len(new) - end :], strict=True))
    steps: list[Step] = [*head, *middle, *tail]
    return _pieces(_slid(_smooth(_runs(steps))))


def _tokens(text: str) -> list[Token]:
    cut = text if len(text) <= _LIMIT else text[:_LIMIT] + " …"
    return [(match[1], match[2]) for match in _WORD.finditer(cut)]


def _script(old: list[Token], new: list[Token]) -> list[Step]:
    trace = _search(old, new)
    if trace is None:
        return [(token, None) for token in old] + [(None, token) for token in new]
    steps: list[Step] = []
    x, y = len(old), len(new)
    for edits in range(len(trace) - 1, -1, -1):
        reach, k = trace[edits], x - y
        down = k == -edits or (k != edits and reach.get(k - 1, -1) < reach.get(k + 1, -1))
        from_k = k + 1 if down else k - 1
        from_x = reach[from_k] if edits else 0
        from_y = from_x - from_k if edits else 0
        while x > from_x and y > from_y:
            x, y = x - 1, y - 1
            steps.append((old[x], new[y]))
        if edits:
            steps.append((None, new[from_y]) if down else (old[from_x], None))
            x, y = from_x, from_y
    steps.reverse()
    return steps


def _search(old: list[Token], new: list[Token]) -> list[dict[int, int]] | None:
    """How far each diagonal reaches before the n-th edit; None beyond `_EDITS` edits."""
    left, right = [word for word, _ in old], [word for word, _ in new]
    reach = {1: 0}
    trace = []
    for edits in range(min(_EDITS, len(left) + len(right)) + 1):
        trace.append(dict(reach))
        for k in range(-edits, edits + 1, 2):
            down = k == -edits or (k != edits and reach.get(k - 1, -1) < reach.get(k + 1, -1))
            x = reach[k + 1] if down else reach[k - 1] + 1
            y = x - k
            while x < len(left) and y < len(right) and left[x] == right[y]:
                x, y = x + 1, y + 1
            reach[k] = x
            if x >= len(left) and y >= len(right):
                return trace
    return None


Run = tuple[list[Token], list[Token]]
"""Old and new tokens between two common stretches; equal in words for a common stretch."""


def _runs(steps: Sequence[Step]) -> list[tuple[bool, Run]]:
    runs: list[tuple[bool, Run]] = []
    for before, after in steps:
        same = before is not None and after is not None
        if not runs or runs[-1][0] != same:
            runs.append((same, ([], [])))
        old, new = runs[-1][1]
        if before is not None:
            old.append(before)
        if after is not None:
            new.append(after)
    return runs


def _smooth(runs: list[tuple[bool, Run]]) -> list[tuple[bool, Run]]:
    """Join two edits with at most two short words in common between them: islands distract."""
    joined: list[tuple[bool, Run]] = []
    for place, (same, (old, new)) in enumerate(runs):
        island = same and 0 < place < len(runs) - 1 and len(new) <= 2
        small = island and sum(len(word) for word, _ in new) <= 6
        if joined and not joined[-1][0] and (small or not same):
            joined[-1][1][0].extend(old)
            joined[-1][1][1].extend(new)
        else:
            joined.append((same, (list(old), list(new))))
    return joined


def _slid(runs: list[tuple[bool, Run]]) -> list[tuple[bool, Run]]:
    """What is only lost, or only new, ends with the sign that it would else begin with, or begins
    with the bracket that it would else end with: "A. [-B.-]" says the same as "A[-. B-]."."""
    for at in range(1, len(runs) - 1):
        same, (old, new) = runs[at]
        if same or (old and new):
            continue
        before, after = runs[at - 1][1], runs[at + 1][1]
        edit, mine, other = (old, 0, 1) if old else (new, 1, 0)
        while len(after[0]) > 1 and edit[0][0] == after[0][0][0] and edit[0][0] in _ENDS:
            edit.append(after[mine].pop(0))
            before[mine].append(edit.pop(0))
            before[other].append(after[other].pop(0))
        while len(before[0]) > 1 and edit[-1][0] == before[0][-1][0] and edit[-1][0] in _STARTS:
            edit.insert(0, before[mine].pop())
            after[mine].insert(0, edit.pop())
            after[other].insert(0, before[other].pop())
    return runs


def _pieces(runs: list[tuple[bool, Run]]) -> tuple[Piece, ...]:
    pieces, gap = [], ""
    for same, (old, new) in runs:
        if same:
            pieces.append(Piece("same", _spell(new)))
            gap = "" if new[-1][1] else old[-1][1]
            continue
        if old:
            pieces.append(Piece("gone", gap + _spell(old)))
        if new:
            pieces.append(Piece("new", _spell(new)))
    return tuple(pieces)


def _spell(tokens: list[Token]) -> str:
    return "".join(word + space for word, space in tokens)


def excerpt(pieces: Sequence[Piece], width: int) -> tuple[Piece, ...]:
    """About `width` characters around the first change, with "…" for what is left out."""
    first = next((at for at, piece in enumerate(pieces) if piece.op != "same"), None)
    if first is None:
        return tuple(pieces)
    shown: list[Piece] = []
    room = width
    if first:
        text = pieces[0].text
        lead = text if len(text) <= width // 4 else "…" + text[-(width // 4) :]
        shown.append(Piece("same", lead))
        room -= len(lead)
    rest = pieces[first:]
    for piece in rest:
        if room <= 0:
            return (*shown, Piece("same", "…"))
        keep = max(12, min(room, width // 2)) if piece.op != "same" else min(room, width // 4)
        text = piece.text if len(piece.text) <= keep else piece.text[:keep].rstrip() + "… "
        shown.append(Piece(piece.op, text))
        room -= len(text)
    return tuple(shown)
