"""AskAcme: the assistant that answers the questions of Acme's people from the handbook.

Retrieve sections of the handbook, render the prompt, ask the model. Nothing here knows of
evaluation; the suite in test_askacme.py calls `ask` and hands it a model.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import jinja2

from evalsuite import retrieval
from evalsuite.records import Document

HERE = Path(__file__).parent

_heading = re.compile(r"^(#{1,3}) +(.+?) *$", re.MULTILINE)
_sentence = re.compile(r"(?<=[.!?])\s+")
_tag = re.compile(r"<(?=/?document\b)", re.IGNORECASE)


@cache
def handbook() -> retrieval.Index:
    """Every section of the handbook in pieces, ready to be searched."""
    files = sorted((HERE / "handbook").glob("*.md"))
    return retrieval.index(
        piece
        for file in files
        for section in sections(file.stem, file.read_text("utf-8"))
        for piece in pieces(section, int(settings()["size"]))
    )


def sections(name: str, text: str) -> list[Document]:
    """One document per heading, named "file#heading"; each repeats the file's title, so that a
    section on its own says what it is about."""
    title = ""
    found = []
    headings = list(_heading.finditer(text))
    for place, heading in enumerate(headings):
        end = headings[place + 1].start() if place + 1 < len(headings) else len(text)
        body = text[heading.end() : end].strip()
        title = heading[2] if len(heading[1]) == 1 else title
        lead = f"# {title}" if heading[2] == title else f"# {title}: {heading[2]}"
        if body:
            found.append(Document(f"{name}#{slug(heading[2])}", f"{lead}\n\n{body}"))
    return found


def pieces(section: Document, size: int) -> list[Document]:
    """A section in whole sentences, about `size` words at a time; each piece keeps the section's
    name and first line."""
    lead, _, body = section.text.partition("\n\n")
    found: list[str] = []
    for sentence in _sentence.split(body):
        if found and len(found[-1].split()) + len(sentence.split()) <= size:
            found[-1] += f" {sentence}"
        else:
            found.append(sentence)
    return [replace(section, text=f"{lead}\n\n{piece}") for piece in found]


def slug(heading: str) -> str:
    """ "Parental leave (birth)" -> "parental-leave-birth"."""
    return "-".join(re.findall(r"\w+", heading.casefold()))


@cache
def settings() -> Mapping[str, float]:
    return tomllib.loads((HERE / "retriever.toml").read_text("utf-8"))


def retrieve(question: str, attachment: str | None = None) -> list[Document]:
    """The best pieces for a question; what the employee attached comes first, as a document."""
    knobs = settings()
    best = retrieval.search(handbook(), question, int(knobs["k"]), k1=knobs["k1"], b=knobs["b"])
    return [Document("attachment", attachment), *best] if attachment else best


@cache
def template() -> jinja2.Template:
    # The prompt is text for a model, not HTML.
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "prompts"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("answer.j2")


def messages(question: str, documents: Sequence[Document]) -> list[dict[str, str]]:
    """The prompt as a system and a user message. A document's text can't close its own tag, and
    a question can't open one."""
    prompt = template()
    context = prompt.new_context(
        {
            "question": _tag.sub("&lt;", question),
            "documents": [replace(each, text=_tag.sub("&lt;", each.text)) for each in documents],
        }
    )
    return [
        {"role": role, "content": "".join(prompt.blocks[role](context)).strip()}
        for role in ("system", "user")
    ]
