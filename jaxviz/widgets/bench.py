"""The bench: one unit under several presets at once, with numbers that say which picture to believe."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from jaxviz.results import Rendering
from jaxviz.widgets.base import Measure
from jaxviz.widgets.explorer import Rendered, checked_options

_OPTIONS = ("steps", "size", "key", "tile_pixels", "layout")
_TILE_PIXELS = 192
_MEANINGS = {
    "score": "Score of the picture as it is, undisturbed, so that presets can be compared",
    "robustness": "Share of the score that is left under small shifts, scalings and rotations; 1 is all of it",
    "fine detail": "Share of the power above a quarter cycle a pixel: photographs of 128 pixels have 0.07",
}


class Bench(Rendered):
    """Climb one unit under several presets side by side, and measure what comes of it.

    The presets share steps, size and key; everything else is as each was published (`jaxviz.presets`), until `numbers`
    says otherwise: `bench.numbers = {"dvt_1": {"blur_pixels": 1.0}}`, or the sliders of the chosen preset. Another
    number begins that preset's picture again, and is in the preset's name and in the code; it compiles nothing, unless
    it is noise or total variation that the preset has not and that is switched on. `dials` lists the numbers of each.

    Under each finished picture stand its score without any disturbance, how much of that is left under fresh
    disturbances, and how much of its power is fine detail: a high score alone is no evidence. Traits, `to_html` and the
    rest are as in `Explorer`; the units are the presets, and `unit` takes their names.

    Args:
        model: A model made by `jaxviz.wrap` or `jaxviz.load`.
        objective: A layer's name, or an objective.
        unit: Unit of the layer, as a number or as the name of a class; None for an objective.
        presets: Names of presets, or presets of your own, such as `jaxviz.presets.named("dvt_1").changed(decay=0.01)`
            or `dataclasses.replace(preset, name=..., ...)`; or one of them.
        **options: `steps`, `size`, `key`, `tile_pixels`, and `layout`.

    Raises:
        KeyError, IndexError, TypeError, ValueError: An argument is wrong; the message says what is allowed.

    Example:
        >>> import jax.numpy as jnp, jaxviz
        >>> model = jaxviz.wrap(lambda images: jnp.tanh(images).mean((1, 2)), input_shape=(16, 16, 3))
        >>> bench = jaxviz.Bench(model, "mean", 1, presets=["lucid", "dvt_3"], steps=2, size=16)
        >>> bench.wait(), bench.states, list(bench.renderings)
        (True, 'dd', ['lucid', 'dvt_3'])
        >>> [measure["name"] for measure in bench.measures]
        ['score', 'robustness', 'fine detail']
        >>> bench.close()
    """

    KIND: ClassVar[str] = "bench"

    def __init__(
        self,
        model: Any,
        objective: Any,
        unit: int | str | None = None,
        *,
        presets: Any = ("lucid", "lucid_noise", "phase_only", "dvt_3"),
        **options: Any,
    ) -> None:
        from jaxviz.widgets.opening import open_bench

        checked_options("Bench", options, _OPTIONS)
        layout = options.pop("layout", None)
        session, self._climb = open_bench(model, objective, unit, presets, {"tile_pixels": _TILE_PIXELS} | options)
        super().__init__(session, layout=layout)
        self._session.command("start")

    def show(self, values: Mapping[str, Any]) -> None:
        """Set traits that only Python sets, the measures among them."""
        known = self._climb.measures()
        measures = [
            Measure(name=name, meaning=_MEANINGS[name], values=[_finite(number) for number in numbers])
            for name, numbers in known.items()
        ]
        super().show({**values, "measures": measures})

    @property
    def renderings(self) -> dict[str, Rendering]:
        """The picture of each preset that has begun, by the preset's own name, in full precision as it is now.

        Raises:
            RuntimeError: The widget was closed.
        """
        self.check_kept()
        session = self._session
        names = [each["preset"] for each in self.dials]
        begun = {name: unit for unit, name in enumerate(names) if session.record(unit, 1) is not None}
        return {name: session.rendering([(unit, 1)]) for name, unit in begun.items()}


def _finite(number: float | None) -> float | None:
    """Return a number as JSON has it; there is none, for example, for the robustness of what excites nothing."""
    return number if number is not None and math.isfinite(number) else None
