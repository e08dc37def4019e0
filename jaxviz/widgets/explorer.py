"""The explorer, and its parts as widgets of their own."""

import os
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float32, Int64

from jaxviz.html import write_page
from jaxviz.results import Rendering
from jaxviz.results.settings import LIMITS
from jaxviz.widgets.base import TileWidget
from jaxviz.widgets.facts import hint
from jaxviz.widgets.page import begun_traits, session_messages

_OPTIONS = ("preset", *LIMITS, "from_scratch", "tile_pixels", "layer", "units", "unit", "layout")


def checked_options(owner: str, options: dict[str, Any], known: Sequence[str] = _OPTIONS) -> None:
    """Refuse keyword arguments that are unknown.

    Raises:
        TypeError: One is; the message names the closest.
    """
    for name in options:
        if name not in known:
            raise TypeError(f"{owner}() has no argument '{name}'. {hint(name, known)}")


class Rendered(TileWidget):
    """A widget whose pictures can be begun again, read from Python, and written as a page."""

    def restart(self) -> None:
        """Begin the pictures on the screen again.

        Raises:
            RuntimeError: The widget was closed.
        """
        self.check_open()
        self._session.command("restart")

    def check_kept(self) -> None:
        """Raise an error if the pictures in full precision are gone.

        Raises:
            RuntimeError: They are.
        """
        if self._session.is_closed:
            raise RuntimeError(
                f"This {type(self).__name__} is closed, and with it went its pictures in full precision: read "
                "`rendering` before `close`. What was seen is still there: scores, curve and to_html."
            )

    @property
    def scores(self) -> dict[int, float]:
        """The newest score of each unit in the grid that has one, by its number: the mean of the last 16 steps."""
        return self._session.scores()

    def curve(
        self, unit: int | str | None = None, *, sign: int = 1
    ) -> tuple[Int64[np.ndarray, " time"], Float32[np.ndarray, " time"]]:
        """Return the steps of a unit's climb so far and its score before each; both are empty before it has begun.

        These are the scores of single steps, each of which disturbs the picture in another way; what is shown is the
        mean of the last 16.

        Args:
            unit: Of the layer on the screen; the chosen unit if None.
            sign: 1, or -1 for the negative of the unit.

        Raises:
            IndexError, TypeError, ValueError: The layer has no such unit.
        """
        session = self._session
        number = session.choice.unit if unit is None else session.facts.unit(session.choice.layer, unit)
        record = session.record(number, sign)
        if record is None:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        return np.asarray(record.steps, np.int64), np.asarray(record.scores, np.float32)

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write one file with everything rendered so far, to be opened from disk, offline, without Python.

        Args:
            path: Where to write; a missing folder is made.

        Raises:
            ValueError: Nothing was rendered yet.
        """
        self._session.tell()
        traits = {name: getattr(self, name) for name, trait in self.traits().items() if "hint" in trait.metadata}
        messages = session_messages(self._session)
        traits |= begun_traits(self._session, traits)
        write_page(path, traits | {"error": ""}, messages, title=f"jaxviz: {self.model_name} {self.layer}")


class _LayerWidget(Rendered):
    """A widget that shows a layer of a model, or what another widget shows."""

    def __init__(
        self,
        model: Any,
        layer: str | None = None,
        units: Iterable[int | str] | None = None,
        *,
        unit: int | str | None = None,
        **options: Any,
    ) -> None:
        from jaxviz.widgets.opening import open_session

        checked_options(type(self).__name__, options)
        layout, settings = options.pop("layout", None), options
        changes = {"layer": layer, "units": units, "unit": unit}
        changes = {name: value for name, value in changes.items() if value is not None}
        if isinstance(model, TileWidget):
            model.check_open()
            session = model._session
            changes |= {name: settings.pop(name) for name in ("from_scratch", "tile_pixels") if name in settings}
            changes |= {"settings": settings} if settings else {}
            if changes:
                session.check(changes)
                session.change(changes)
            super().__init__(session, layout=layout)
        else:
            super().__init__(open_session(model, changes, settings), layout=layout)
            self._session.command("start")

    @property
    def rendering(self) -> Rendering:
        """The selection, or else what is in view, or else all that has begun, in full precision as it is now.

        Raises:
            ValueError: Nothing has begun yet.
            RuntimeError: The widget was closed.
        """
        self.check_kept()
        return self._session.rendering(self._session.begun())


class Explorer(_LayerWidget):
    """Show all layers of a model, a layer's units as a grid, and one unit large, climbing while one looks.

    Usually made by `jaxviz.explore`. Traits that may be read, set, observed and linked: `layer`, `units`, `unit` (a
    number, or the name of a class when set), `selection`, `settings` (set it to a dictionary of changes),
    `from_scratch`, `tile_pixels` and `pins`. `states`, `status`, `error` and `code` say what happens.

    Args:
        model: A model made by `jaxviz.wrap` or `jaxviz.load`; or a jaxviz widget, whose climb is then shown.
        layer: Name of the layer; one from the middle of the network if None.
        units: Units in the grid, as numbers or as names of classes; all if None.
        unit: The chosen unit.
        **options: Settings of the climb as in `jaxviz.Settings`, `from_scratch`, `tile_pixels`, and `layout`.

    Raises:
        KeyError, IndexError, TypeError, ValueError: An argument is wrong; the message says what is allowed.

    Example:
        >>> import jax.numpy as jnp, jaxviz
        >>> model = jaxviz.wrap(lambda images: jnp.tanh(images).mean((1, 2)), input_shape=(16, 16, 3))
        >>> explorer = jaxviz.Explorer(model, "mean", steps=2, size=16)
        >>> explorer.wait()
        True
        >>> explorer.states, explorer.rendering.labels
        ('ddd', ('mean:0', 'mean:1', 'mean:2'))
        >>> explorer.close()
    """

    KIND: ClassVar[str] = "explorer"


class LayerGrid(_LayerWidget):
    """Show the units of one layer as a grid that climbs while one looks.

    Args:
        model: A model, or a jaxviz widget, whose climb is then shown: `LayerGrid(explorer)`.
        layer: Name of the layer.
        units: Units in the grid; all if None.
        unit: The chosen unit.
        **options: As in `Explorer`.

    Raises:
        KeyError, IndexError, TypeError, ValueError: An argument is wrong; the message says what is allowed.

    Example:
        >>> import jax.numpy as jnp, jaxviz
        >>> model = jaxviz.wrap(lambda images: jnp.tanh(images).mean((1, 2)), input_shape=(16, 16, 3))
        >>> grid = jaxviz.LayerGrid(model, "mean", units=[2, 0], steps=2, size=16)
        >>> grid.wait(), grid.states
        (True, 'dd')
        >>> grid.close()
    """

    KIND: ClassVar[str] = "grid"
    SHOWS_UNIT: ClassVar[bool] = False


class UnitView(_LayerWidget):
    """Show one unit of a layer: its picture and its negative's, the score's curve, the stages, and a slider.

    Args:
        model: A model, or a jaxviz widget, whose climb is then shown: `UnitView(explorer)`.
        layer: Name of the layer.
        units: Units of the layer that the slider runs over; all if None.
        unit: The chosen unit.
        **options: As in `Explorer`.

    Raises:
        KeyError, IndexError, TypeError, ValueError: An argument is wrong; the message says what is allowed.

    Example:
        >>> import jax.numpy as jnp, jaxviz
        >>> model = jaxviz.wrap(lambda images: jnp.tanh(images).mean((1, 2)), input_shape=(16, 16, 3))
        >>> view = jaxviz.UnitView(model, "mean", unit=1, steps=2, size=16)
        >>> view.wait(), view.rendering.labels
        (True, ('mean:1',))
        >>> view.close()
    """

    KIND: ClassVar[str] = "unit"
    SHOWS_GRID: ClassVar[bool] = False
