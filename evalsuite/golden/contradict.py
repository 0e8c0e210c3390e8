"""Checks that no answer can satisfy together: such a case fails for ever and says nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalsuite.canonical import key
from evalsuite.records import Json
from evalsuite.wording import shown


@dataclass(frozen=True, slots=True)
class _Wish:
    """One check without its "not"s: `holds` says whether it must hold or must not."""

    field: str
    kind: str
    value: Json
    holds: bool


@dataclass(frozen=True, slots=True)
class _Text:
    """A text that an answer must or must not contain."""

    field: str
    text: str
    folded: bool

    def within(self, text: str, folded: bool) -> bool:
        """Whether every answer that contains `text` (in any case if `folded`) contains this."""
        if self.folded:
            return self.text.casefold() in text.casefold()
        caseless = self.text.upper() == self.text.lower()
        return self.text in text and (caseless or not folded)

    def may_be_in(self, text: str, folded: bool) -> bool:
        """Whether some answer that equals `text` (in any case if `folded`) contains this.

        White space around an answer doesn't count for `equals`, so it may be there.
        """
        core = self.text.strip()
        if self.folded or folded:
            return core.casefold() in text.casefold()
        return core in text


def contradictions(checks: Sequence[Mapping[str, Json]]) -> list[tuple[str, str]]:
    """(field, message) for each check that can't hold together with an earlier one.

    Knows `contains`, `equals`, `starts_with`, `ends_with`, `one_of`, every "min"/"max", and any
    check beside its own "not"; what it doesn't know it passes.
    """
    wishes = [_wish(check, f"checks[{place}]") for place, check in enumerate(checks)]
    return [*_negated(wishes), *_forbidden(wishes), *_fixed(wishes), *_ranges(wishes)]


def _wish(check: Mapping[str, Json], field: str) -> _Wish:
    holds = True
    while "not" in check:
        check, holds, field = check["not"], not holds, f"{field}.not"
    ((kind, value),) = check.items()
    return _Wish(field, kind, value, holds)


def _negated(wishes: Sequence[_Wish]) -> list[tuple[str, str]]:
    found = []
    seen: dict[str, _Wish] = {}
    for wish in wishes:
        same = key(wish.kind, wish.value)
        if (other := seen.setdefault(same, wish)).holds != wish.holds:
            found.append((wish.field, f"is the opposite of {other.field}"))
    return found


def _alternatives(wish: _Wish) -> list[list[_Text]]:
    """A `contains` as a list of demands, each of which one of its texts fulfils."""
    value = wish.value if isinstance(wish.value, dict) else {"text": wish.value}
    folded = value.get("ignore_case") is True

    def texts(given: Json) -> list[_Text]:
        given = given if isinstance(given, list) else [given]
        return [_Text(wish.field, each, folded) for each in given if isinstance(each, str)]

    demands = [[text] for text in [*texts(value.get("text")), *texts(value.get("all"))]]
    return [*demands, *([texts(value["any"])] if texts(value.get("any")) else [])]


def _demanded(wishes: Sequence[_Wish]) -> list[list[_Text]]:
    return [
        demand
        for wish in wishes
        if wish.kind == "contains" and wish.holds
        for demand in _alternatives(wish)
    ]


def _banned(wishes: Sequence[_Wish]) -> list[_Text]:
    """Texts that no answer may contain: a negated demand that is the only one of its check."""
    demands = [_alternatives(each) for each in wishes if each.kind == "contains" and not each.holds]
    return [text for demand in demands if len(demand) == 1 for text in demand[0]]


def _forbidden(wishes: Sequence[_Wish]) -> list[tuple[str, str]]:
    found = []
    banned = _banned(wishes)
    exact = {each.field: each.value for each in wishes if each.kind == "contains"}
    for demand in _demanded(wishes):
        blocking = [
            next((no for no in banned if no.within(yes.text, yes.folded)), None) for yes in demand
        ]
        no = blocking[0]
        if no is None or not all(blocking):
            continue
        if exact[no.field] != exact[demand[0].field]:  # equal ones are opposites, said already
            message = f"forbids {shown(no.text)}, which {demand[0].field} demands"
            found.append((no.field, message))
    return found


def _fixed(wishes: Sequence[_Wish]) -> list[tuple[str, str]]:
    """What clashes with the one text that an `equals` allows."""
    only = next((text for wish in wishes if (text := _only(wish)) and wish.holds), None)
    if only is None:
        return []
    clashing = [
        *(
            demand[0].field
            for demand in _demanded(wishes)
            if not any(yes.may_be_in(only.text, only.folded) for yes in demand)
        ),
        *(no.field for no in _banned(wishes) if no.within(only.text, only.folded)),
        *(wish.field for wish in wishes if wish.holds and not _allows(wish, only)),
    ]
    return [(each, f"can't hold: {only.field} allows only {shown(only.text)}") for each in clashing]


def _options(wish: _Wish, name: str) -> tuple[list[str], bool]:
    """The texts that a check names, in its short or its long form, and whether case counts."""
    value = wish.value if isinstance(wish.value, dict) else {name: wish.value}
    texts = value.get(name)
    texts = texts if isinstance(texts, list) else [texts]
    folded = value.get("ignore_case") is True
    return [each.strip() for each in texts if isinstance(each, str)], folded


def _only(wish: _Wish) -> _Text | None:
    texts, folded = _options(wish, "text")
    return _Text(wish.field, texts[0], folded) if wish.kind == "equals" and texts else None


def _allows(wish: _Wish, only: _Text) -> bool:
    """Whether an answer that is `only` may pass; True for checks that this can't judge."""
    names = {"equals": "text", "starts_with": "text", "ends_with": "text", "one_of": "options"}
    texts, folded = _options(wish, names.get(wish.kind, ""))
    if wish.kind not in names or not texts:
        return True
    fold = str.casefold if folded or only.folded else str
    answer, texts = fold(only.text), [fold(each) for each in texts]
    if wish.kind == "starts_with":
        return answer.startswith(texts[0])
    return answer.endswith(texts[0]) if wish.kind == "ends_with" else answer in texts


def _ranges(wishes: Sequence[_Wish]) -> list[tuple[str, str]]:
    """`min` and `max` of one kind of check that leave nothing between them."""
    found = []
    bounds: dict[str, tuple[float, str, float, str]] = {}
    for wish in wishes:
        if not wish.holds or not isinstance(wish.value, dict):
            continue
        others = {name: each for name, each in wish.value.items() if name not in ("min", "max")}
        same = key(wish.kind, others)
        low, low_field, high, high_field = bounds.get(same, (float("-inf"), "", float("inf"), ""))
        least, most = wish.value.get("min"), wish.value.get("max")
        if isinstance(least, int | float) and least > low:
            low, low_field = least, wish.field
        if isinstance(most, int | float) and most < high:
            high, high_field = most, wish.field
        if low > high:
            fields = low_field if low_field == high_field else f"{low_field} and {high_field}"
            found.append((wish.field, f"at least {low:g} and at most {high:g} ({fields})"))
            continue
        bounds[same] = (low, low_field, high, high_field)
    return found
