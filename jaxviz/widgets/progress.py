"""The progress of any `render_steps`: its pictures, a bar and a stop button."""

import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from jaxviz.results import Rendering, Settings, Snapshot, Tile, Update
from jaxviz.widgets.base import TileWidget
from jaxviz.widgets.choice import Choice
from jaxviz.widgets.delivery import serve
from jaxviz.widgets.explorer import checked_options
from jaxviz.widgets.facts import Facts, LayerFacts
from jaxviz.widgets.session import Session

_LAYER = "pictures"


class RenderProgress(TileWidget):
    """Show the pictures of a `render_steps` while they climb, with a bar and a stop button.

    The climb runs in the background, sharing the device with what else does. Leaving it alone loses nothing: the
    newest snapshot is `snapshot`.

    Args:
        snapshots: What `jaxviz.render_steps` returned. It must be read by nobody else from now on.
        steps: Steps of the climb, for the bar.
        **options: `tile_pixels` and `layout`.

    Raises:
        TypeError: An argument is unknown, or `snapshots` is no iterator.

    Example:
        >>> import jax.numpy as jnp, jaxviz
        >>> model = jaxviz.wrap(lambda images: jnp.tanh(images).mean((1, 2)), input_shape=(16, 16, 3))
        >>> progress = jaxviz.RenderProgress(jaxviz.render_steps(model, "mean", steps=4, size=16), steps=4)
        >>> progress.wait(), progress.states, progress.snapshot.step
        (True, 'ddd', 4)
        >>> progress.close()
    """

    KIND: ClassVar[str] = "progress"
    shows_unit: ClassVar[bool] = False

    def __init__(self, snapshots: Iterator[Snapshot], *, steps: int = 256, **options: Any) -> None:
        if not isinstance(snapshots, Iterator):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"{snapshots!r} is no iterator of snapshots; give what jaxviz.render_steps returned.")
        layout = options.pop("layout", None)
        checked = checked_options("RenderProgress", {**options}, ("layout", "steps"))
        wrong = [name for name in checked if name != "tile_pixels"]
        if wrong:
            raise TypeError(f"RenderProgress() has no argument '{wrong[0]}': the settings belong to render_steps.")
        self._climb = SnapshotClimb(snapshots)
        count = len(self._climb.first)
        layer = LayerFacts(
            name=_LAYER, kind="", shape=[count], units=count, parameters=0, flops=0, receptive_field=[], classes=False
        )
        height = self._climb.first.images.shape[1]
        facts = Facts(name="", input_shape=[], layers=[layer])
        changes = {"layer": _LAYER, "settings": Settings(steps=steps, size=max(16, min(512, height)))} | checked
        super().__init__(Session(self._climb, facts, Choice().changed(facts, changes), serve=serve), layout=layout)
        self._session.command("start")

    @property
    def snapshot(self) -> Snapshot:
        """The newest snapshot."""
        return self._climb.newest
