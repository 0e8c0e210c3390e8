"""YAML without its traps: a file means what it looks like, and takes no more room than it shows.

Values are built from the parser's events, on a stack of our own: aliases, anchors and tags are
refused, a duplicate key is an error, and a plain word is text unless it is spelled as JSON spells
true, false, null and numbers. So `no`, `1_000`, `12:30` and dates stay what was written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from evalsuite.errors import Problem
from evalsuite.golden.lines import MAX_CASE_BYTES, Entry, decode
from evalsuite.records import Json
from evalsuite.strictjson import MAX_DEPTH, Malformed, parse
from evalsuite.wording import shown

MAX_YAML_BYTES = 10_000_000
"""YAML is slow to parse; larger sets belong in JSON Lines."""

_JSON_WORD = re.compile(r"true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)


class _Stop(Exception):
    """Nothing more can be read; the reason is among the problems."""


@dataclass(slots=True)
class _Frame:
    """An open list or object; `lines` of a list's items, `key` is what an object waits to fill."""

    value: list[Any] | dict[str, Any]
    line: int
    lines: list[int] = field(default_factory=list)
    key: str | None = None


@dataclass(slots=True)
class _Builder:
    """Turns events into values. `problems` holds what can be said without stopping."""

    path: str
    stack: list[_Frame] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def say(self, line: int, name: str, message: str, remedy: str) -> None:
        self.problems.append(Problem(self.path, line, name, message, remedy))

    def add(self, value: Json, line: int) -> None:
        """Put a finished value where it belongs: into the open container, or among the cases."""
        if not self.stack:
            self.entries.append(Entry(line, value))
            return
        frame = self.stack[-1]
        if isinstance(frame.value, list):
            frame.value.append(value)
            frame.lines.append(line)
        elif frame.key is not None:
            frame.value[frame.key] = value
            frame.key = None

    def awaits_key(self) -> bool:
        return (
            bool(self.stack)
            and isinstance(self.stack[-1].value, dict)
            and (self.stack[-1].key is None)
        )

    def among_cases(self) -> bool:
        return not self.stack or (len(self.stack) == 1 and isinstance(self.stack[0].value, list))

    def key(self, text: str, line: int) -> None:
        frame = self.stack[-1]
        assert isinstance(frame.value, dict)
        if text in frame.value:
            self.say(line, shown(text), "the key occurs twice in one object", "keep one of them")
        frame.key = text

    def open(self, value: list[Any] | dict[str, Any], line: int) -> None:
        if self.awaits_key():
            self.say(line, "", "a list or an object is used as a key", "write the key as text")
            raise _Stop
        if len(self.stack) >= MAX_DEPTH:
            self.say(line, "", f"more than {MAX_DEPTH} levels of nesting", "flatten the value")
            raise _Stop
        self.stack.append(_Frame(value, line))

    def close(self) -> None:
        frame = self.stack.pop()
        if not self.stack and isinstance(frame.value, list):
            self.entries += map(Entry, frame.lines, frame.value)
        else:
            self.add(frame.value, frame.line)


def read(data: bytes, path: str) -> tuple[list[Entry], list[Problem]]:
    """The cases of a YAML file: a list of cases, or one case per document."""
    if len(data) > MAX_YAML_BYTES:
        size = f"the file is {len(data):,} bytes long, the limit for YAML is {MAX_YAML_BYTES:,}"
        return [], [Problem(path, 0, "size", size, "write large sets as JSON Lines")]
    try:
        text = decode(data)
    except Malformed as bad:
        return [], [Problem(path, 0, "encoding", bad.message, bad.remedy)]
    builder = _Builder(path)
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            _take(event, builder)
    except _Stop:
        pass
    except yaml.YAMLError as error:
        builder.say(*_explain(error, text))
    return builder.entries, builder.problems


def _take(event: Any, builder: _Builder) -> None:
    line = event.start_mark.line + 1
    if isinstance(event, yaml.AliasEvent):
        builder.say(line, f"*{event.anchor}", "an alias", "write the value out again")
        if builder.awaits_key():
            builder.key(f"*{event.anchor}", line)
        elif not builder.among_cases():
            builder.add(f"*{event.anchor}", line)
        return
    if getattr(event, "anchor", None):
        builder.say(line, f"&{event.anchor}", "an anchor", "remove it")
    if getattr(event, "tag", None):
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        builder.say(line, shown(tag), "a tag", "remove it; quote what should be text")
    if isinstance(event, yaml.ScalarEvent):
        _scalar(event, line, builder)
    elif isinstance(event, yaml.SequenceStartEvent):
        builder.open([], line)
    elif isinstance(event, yaml.MappingStartEvent):
        builder.open({}, line)
    elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
        builder.close()


def _scalar(event: Any, line: int, builder: _Builder) -> None:
    text: str = event.value
    plain = event.implicit[0]
    if len(text) > MAX_CASE_BYTES:
        message = f"a text of {len(text):,} characters, the limit is {MAX_CASE_BYTES:,}"
        builder.say(line, "size", message, "keep long documents in files that the target reads")
    if builder.awaits_key():
        builder.key(text, line)
    elif not plain:
        builder.add(text, line)
    elif not text:
        # An empty document between two `---` is no case; an empty value is null, as in YAML.
        if builder.stack:
            builder.add(None, line)
    elif _JSON_WORD.fullmatch(text):
        try:
            builder.add(parse(text), line)
        except Malformed as bad:
            builder.say(line, shown(text, 20), bad.message, bad.remedy)
            builder.add(None, line)
    else:
        builder.add(text, line)


def _explain(error: Exception, text: str) -> tuple[int, str, str, str]:
    """Line, field, message and remedy for a syntax error of the YAML parser."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    position = getattr(error, "position", None)
    if mark is not None:
        line, where = mark.line + 1, f"column {mark.column + 1}"
    else:
        line = text.count("\n", 0, position) + 1 if isinstance(position, int) else 0
        where = ""
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
    remedy = "check indentation, quotes and brackets here and on the line before"
    return line, where, f"not YAML: {shown(str(problem), 120)[1:-1]}", remedy
