"""The session of a bench, in which presets get other numbers."""

from collections.abc import Callable, Mapping
from typing import Any

from jaxviz.results import LiveClimb
from jaxviz.results.dials import PresetDials
from jaxviz.widgets.audience import Face
from jaxviz.widgets.bench_facts import BenchFacts
from jaxviz.widgets.choice import Choice
from jaxviz.widgets.session import Session

_REMEMBERED = 64
"""Generations, beside those that are pinned: what is on the screen may be pinned a moment after it was left."""


class BenchSession(Session):
    """A session in which presets get other numbers, and are called by them.

    Args:
        live: What climbs.
        facts: Of the presets.
        choice: What is climbed first.
        serve: As in `Session`.
        renumber: Gives a preset other numbers than its own in what climbs.
        dials: Returns the numbers of each preset, some of which depend on the size.
    """

    facts: BenchFacts

    def __init__(
        self,
        live: LiveClimb,
        facts: BenchFacts,
        choice: Choice,
        *,
        serve: "Callable[[Session, Face], float | None]",
        renumber: Callable[[str, Mapping[str, float]], None],
        dials: Callable[[int], list[PresetDials]],
    ) -> None:
        self._renumber, self._dials = renumber, dials
        self._former_names: dict[int, list[str]] = {}  # generation -> what the presets were called
        super().__init__(live, facts, choice, serve=serve)

    def renumbered(self, before: Choice) -> list[int]:
        """Hand numbers that changed to what climbs, and return the presets that begin again; `lock` is held."""
        now, facts = self.choice.numbers, self.facts
        if self.choice.settings.size != before.settings.size:
            facts.dials = self._dials(self.choice.settings.size)
        changed = [name for name in facts.names if now.get(name) != before.numbers.get(name)]
        if not changed:
            return []
        (names,) = facts.class_names.values()
        for board in self.exported():
            for generation in board.generations:
                self._former_names.setdefault(generation, names)
        pinned = {pin["generation"] for pin in self.choice.pins}
        for generation in sorted(self._former_names)[:-_REMEMBERED]:
            if generation not in pinned:
                del self._former_names[generation]
        for name in changed:
            self._renumber(name, now.get(name, {}))
        facts.rename(now)
        return [facts.names.index(name) for name in changed]

    def told(self) -> dict[str, Any]:
        """Return the values of the traits that only Python sets, and what presets were called when they were pinned."""
        with self.lock:
            ((label, names),) = self.facts.class_names.items()
            pinned = {pin["generation"] for pin in self.choice.pins}
            former = {
                f"{label}@{generation}": known
                for generation in sorted(pinned)
                if (known := self._former_names.get(generation, names)) != names
            }
            return super().told() | {"class_names": {label: names} | former, "dials": self.facts.dials}
