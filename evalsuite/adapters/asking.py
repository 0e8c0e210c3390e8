"""What a metric of another library asks, through the suite's models: so seeds, store, limits,
retries, budget and the case's account apply to it as to any call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evalsuite.adapters.inside import Unanswered
from evalsuite.backends.llm import LLM
from evalsuite.canonical import canonical
from evalsuite.judging.reply import Unparsable, json_in
from evalsuite.records import Json
from evalsuite.scoring import clip

KEPT = 2_000
"""Characters of a reply in the evidence."""


@dataclass(slots=True, eq=False)
class Asking:
    """One case's calls; `said` are the replies, for the evidence of its score."""

    llm: LLM
    role: str
    embeddings: str
    said: list[dict[str, Json]] = field(default_factory=list)

    async def chat(self, prompt: str, schema: Mapping[str, Json] | None) -> Json:
        """The reply as JSON if there is a schema, else as text.

        Raises:
            Unanswered: the reply was not finished, or is no JSON.
            BackendError: there was no reply.
        """
        llm = self.llm[self.role]
        given = schema if llm.capabilities.json_schema else None
        asked = str((schema or {}).get("title", "text"))
        entry: dict[str, Json] = {"asked for": asked}
        self.said.append(entry)  # in the order of the questions, whichever reply comes first
        reply = await llm.chat(prompt, schema=given)
        entry["said"] = clip(reply.text, KEPT)
        if schema is None:
            if reply.finish_reason != "stop":
                raise Unanswered(f"the reply ended with {reply.finish_reason}")
            return reply.text
        try:
            return json_in(reply)
        except Unparsable as bad:
            raise Unanswered(f"{asked}: {bad}") from None

    async def weigh(self, prompt: str, top: int) -> Mapping[str, Json]:
        """The reply, which must be JSON, with the log probabilities of its tokens; raises as
        `chat` does."""
        entry: dict[str, Json] = {"asked for": "a weighted score"}
        self.said.append(entry)
        reply = await self.llm[self.role].chat(prompt, logprobs=True, top_logprobs=top)
        entry["said"] = clip(reply.text, KEPT)
        try:
            json_in(reply)
        except Unparsable as bad:
            raise Unanswered(str(bad)) from None
        if not reply.logprobs:
            raise Unanswered("the reply has no log probabilities: leave out top_logprobs")
        return {"text": reply.text, "logprobs": [dict(each) for each in reply.logprobs]}

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        """One vector per text; BackendError where there is none."""
        return await self.llm[self.embeddings].embed(texts)

    def evidence(self, room: int) -> list[Mapping[str, Json]]:
        """The replies, as many of the first as there is room for, in bytes."""
        kept: list[Mapping[str, Json]] = []
        for each in self.said:
            room -= len(canonical(each))
            if room < 0:
                kept.append({"left out": len(self.said) - len(kept)})
                break
            kept.append(each)
        return kept
