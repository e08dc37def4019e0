"""The progress of any `render_steps`: its pictures, a bar and a stop button."""

import weakref
from collections.abc import Iterator
from typing import Any, ClassVar

from jaxviz.results import Snapshot
from jaxviz.results.settings import LIMITS
from jaxviz.widgets.base import TileWidget
from jaxviz.widgets.choice import Choice
from jaxviz.widgets.delivery import serve
from jaxviz.widgets.explorer import checked_options
from jaxviz.widgets.facts import Facts, LayerFacts
from jaxviz.widgets.session import Session
from jaxviz.widgets.snapshots import SnapshotClimb

_LAYER = "pictures"


class _Facts(Facts):
    """What is known of pictures of which only snapshots are: not even what was climbed.

    Attributes:
        steps: The steps of the climb, as far as they are known.
    """

    steps: int | None = None

    def python(self, *_pictures: object, **_made: object) -> str:
        """Return no Python: there is none that is known to render them."""
        return ""

    def refusal(self, setting: str, value: object) -> str:
        """Return why a setting cannot get another value here; "" if it can."""
        if setting == "steps" and value == self.steps:
            return ""
        return "none may be set, since the pictures climb elsewhere; give settings to jaxviz.render_steps."


class RenderProgress(TileWidget):
    """Show the pictures of a `render_steps` while they climb, with a bar and a stop button.

    The climb runs in the background and shares the device with what else does.

    Args:
        snapshots: What `jaxviz.render_steps` returned. Nobody else may read it from now on.
        **options: `tile_pixels` and `layout`.

    Raises:
        TypeError: An argument is unknown, or `snapshots` is no iterator.

    Example:
        >>> import jax.numpy as jnp, jaxviz
        >>> model = jaxviz.wrap(lambda images: jnp.tanh(images).mean((1, 2)), input_shape=(16, 16, 3))
        >>> progress = jaxviz.RenderProgress(jaxviz.render_steps(model, "mean", steps=4, size=16))
        >>> progress.wait(), progress.states, progress.snapshot.step
        (True, 'ddd', 4)
        >>> progress.close()
    """

    KIND: ClassVar[str] = "progress"
    SHOWS_UNIT: ClassVar[bool] = False

    def __init__(self, snapshots: Iterator[Snapshot], **options: Any) -> None:
        if not isinstance(snapshots, Iterator):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"{snapshots!r} is no iterator of snapshots; give what jaxviz.render_steps returned.")
        checked_options("RenderProgress", options, ("tile_pixels", "layout"))
        layout = options.pop("layout", None)
        self._facts = facts = _Facts(name="", input_shape=[], layers=[_layer(0)])
        learned = weakref.WeakMethod(self._learn)
        self._climb = SnapshotClimb(snapshots, lambda count, steps: (learned() or _nothing)(count, steps))
        session = Session(self._climb, facts, Choice(layer=_LAYER).changed(facts, options), serve=serve)
        super().__init__(session, layout=layout)
        session.command("start")

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest snapshot; None before the first."""
        return self._climb.newest

    def _learn(self, count: int, steps: int | None) -> None:
        """Take over how many pictures there are, and how many steps they climb."""
        facts = self._facts
        facts.layers[_LAYER] = _layer(count)
        self.show({"layers": [dict(facts.layers[_LAYER])]})
        # `render_steps` knows no limit; beyond that of the settings the bar is full before the climb has ended.
        facts.steps = None if steps is None else min(steps, int(LIMITS["steps"][1]))
        settings = {} if steps is None else {"settings": {"steps": facts.steps}}
        self._session.change({"units": None, **settings})


def _layer(count: int) -> LayerFacts:
    return LayerFacts(
        name=_LAYER, kind="", shape=[count], units=count, parameters=0, flops=0, receptive_field=[], classes=""
    )


def _nothing(count: int, steps: int | None) -> None:
    """The widget is gone."""
