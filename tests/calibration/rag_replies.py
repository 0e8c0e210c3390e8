"""A model that finds an answer's sentences in the contexts, and replies as rag metrics ask."""

from __future__ import annotations

import json
import re


def grounded(prompt: str) -> str:
    """Each sentence is a claim: supported where a context holds it word for word."""
    texts = dict(re.findall(r'<data-\w+ name="([\w ]+)"[^>]*>\n(.*?)\n</data-', prompt, re.DOTALL))
    contexts = {name.replace(" ", "_"): x for name, x in texts.items() if name[:7] == "context"}
    claims = [each for each in re.split(r"(?<=\.)\s+", texts["answer"].strip()) if each]
    found = [(each, any(each in text for text in contexts.values())) for each in claims]
    reply = {
        "declines": False,
        "claims": [
            {
                "claim": claim,
                "addresses": True,
                "quotes": [claim] if held else [],
                "verdict": "supported" if held else "absent",
            }
            for claim, held in found
        ],
        "contexts": {name: {"critique": "", "relevant": True} for name in contexts},
    }
    return json.dumps(reply)
