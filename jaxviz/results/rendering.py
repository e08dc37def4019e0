"""The rendering: the pictures of a climb with their scores, labels and recipe."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import SupportsIndex

import numpy as np
from jaxtyping import Float32, Int64

from jaxviz.results import files
from jaxviz.results.checks import frozen_array, frozen_inputs, frozen_states, frozen_texts, same_fields, unit_positions
from jaxviz.results.notebook import figures_html
from jaxviz.results.pictures import Pictures
from jaxviz.results.recipe import Recipe
from jaxviz.results.sheet import png_bytes

LISTED_UNITS = 20
"""How many units `str` lists before it counts the rest."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Rendering(Pictures):
    """Hold the finished pictures of some units, one image a unit, and how they came about.

    `len` counts the units; indexing by a number, a slice, a list or a mask gives the rendering of those
    units; a notebook shows the pictures with their labels and scores.

    Attributes:
        images: float32 images in [0, 1], `[unit, height, width, channel]`; NaN only where the unit diverged. Of a model
            of signals `[unit, sample, channel]`, of volumes `[unit, depth, height, width, channel]`, of vectors
            `[unit, feature]`.
        score_history: Scores over time, NaN where a unit was not climbing.
        history_steps: The step that each row of `score_history` was taken at.
        labels: A short text for each unit.
        states: Each unit's state: done, dead, diverged, stopped, or on its way when interrupted.
        messages: Advice for each unit, empty where all is well.
        recipe: Everything needed to make the images again.
        transparency: How strongly each pixel moved the score: absolute gradients, added up over the steps and averaged
            over the channels. None unless `render` was asked for it; where it is there, `grid`, `save` and the notebook
            show the pictures faded where it is small.

    Example:
        >>> import numpy as np
        >>> recipe = Recipe(
        ...     objectives=tuple({"kind": "channel", "layer": "conv1", "index": unit} for unit in range(3)),
        ...     parameterization={"kind": "pixels"},
        ...     transforms=None,
        ...     optimizer={"kind": "adam", "learning_rate": 0.05},
        ...     steps=2,
        ...     size=(16, 24),
        ...     key=(0, 7),
        ...     model={"name": "TinyNet"},
        ...     lowering="xla",
        ...     versions={"jax": "0.10.2"},
        ... )
        >>> rendering = Rendering(
        ...     images=np.full((3, 16, 24, 3), 0.5, np.float32),
        ...     score_history=np.array([[0.0, 0.0, 0.0], [1.5, 2.5, 0.5]], np.float32),
        ...     history_steps=[0, 2],
        ...     labels=("conv1:0", "conv1:1", "conv1:2"),
        ...     states=("done", "done", "done"),
        ...     messages=("", "", ""),
        ...     recipe=recipe,
        ... )
        >>> rendering
        Rendering(3 units of 16x24x3, 2 steps, scores 0.5 to 2.5)
        >>> rendering[rendering.scores > 1].labels
        ('conv1:0', 'conv1:1')
    """

    score_history: Float32[np.ndarray, "time unit"]
    history_steps: Int64[np.ndarray, " time"]
    states: tuple[str, ...]
    messages: tuple[str, ...]

    def __post_init__(self) -> None:
        images = frozen_inputs(self.images, np.float32, "images")
        history = frozen_array(self.score_history, np.float32, (None, len(images)), "score_history")
        count, times = len(images), len(history)
        checked = {
            "images": images,
            "score_history": history,
            "history_steps": frozen_array(self.history_steps, np.int64, (times,), "history_steps"),
            "labels": frozen_texts(self.labels, count, "labels"),
            "states": frozen_states(self.states, count),
            "messages": frozen_texts(self.messages, count, "messages"),
        }
        if self.transparency is not None:
            checked["transparency"] = frozen_array(self.transparency, np.float32, images.shape[:-1], "transparency")
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        self._check_values()

    def _check_values(self) -> None:
        if len(self.recipe.objectives) != len(self):
            raise ValueError(
                f"The recipe has {len(self.recipe.objectives)} objectives for {len(self)} images; "
                "each image needs its own."
            )
        if self.images.ndim != len(self.recipe.size) + 2:
            raise ValueError(
                f"images has shape {self.images.shape}, but the recipe's size is {self.recipe.size}: "
                f"{len(self.recipe.size)} axes between units and channels."
            )
        for image, label, state in zip(self.images, self.labels, self.states, strict=True):
            lost = np.isnan(image) if state == "diverged" else False
            if not (lost | ((image >= 0) & (image <= 1))).all():
                raise ValueError(f"The image of {label!r} has values outside [0, 1], or that are not numbers.")
        if self.transparency is not None and self.images.ndim != 4:
            raise ValueError(f"Only images have a transparency; these inputs have shape {self.images.shape[1:]}.")
        if self.transparency is not None and not (self.transparency >= 0).all():
            raise ValueError("The transparency is a sum of absolute gradients; it has no negative values.")

    __hash__ = None  # pyright: ignore[reportAssignmentType]  # holds arrays, as a list does

    def __eq__(self, other: object) -> bool:
        return same_fields(self, other) if isinstance(other, Rendering) else NotImplemented

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> "Iterator[Rendering]":
        return (self[position] for position in range(len(self)))

    def __getitem__(self, units: SupportsIndex | slice | Sequence[int] | Sequence[bool] | np.ndarray) -> "Rendering":
        chosen = unit_positions(units, self.labels)
        return Rendering(
            images=self.images[chosen],
            score_history=self.score_history[:, chosen],
            history_steps=self.history_steps,
            labels=tuple(self.labels[position] for position in chosen),
            states=tuple(self.states[position] for position in chosen),
            messages=tuple(self.messages[position] for position in chosen),
            recipe=self.recipe.for_units(chosen),
            transparency=None if self.transparency is None else self.transparency[chosen],
        )

    @property
    def scores(self) -> Float32[np.ndarray, " unit"]:
        """The last score of each unit, NaN for a unit that has none."""
        last = np.full(len(self), np.nan, np.float32)
        for row in self.score_history:
            last = np.where(np.isnan(row), last, row)
        return last

    def save(self, path: str | os.PathLike[str], *, columns: int | None = None, labels: bool = False) -> None:
        """Write the rendering to a file, whose suffix says how.

        `.npz` keeps everything exactly, for `Rendering.load`. `.png` keeps what `grid` shows, with the recipe
        as JSON in its text chunk "jaxviz", for `jaxviz.results.read_recipe`. Missing folders are made.

        Args:
            path: Where to write.
            columns: Of a PNG: images in a row.
            labels: Of a PNG: whether the labels are drawn.

        Raises:
            ValueError: If the suffix is another one.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix == ".png":
            png = png_bytes(self.grid(columns=columns, labels=labels), text=files.recipe_text(self.recipe))
            files.write_bytes(path, png)
        elif suffix == ".npz":
            files.write_npz(
                path,
                {
                    "images": self.images,
                    "score_history": self.score_history,
                    "history_steps": self.history_steps,
                    **({} if self.transparency is None else {"transparency": self.transparency}),
                },
                {
                    "labels": self.labels,
                    "states": self.states,
                    "messages": self.messages,
                    "recipe": self.recipe.to_json(),
                },
            )
        else:
            raise ValueError(
                f"Cannot save to {path.name!r}: use the suffix .png for the picture or .npz for everything."
            )

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write one file that shows the rendering with its curves, to be opened from disk, offline, without Python.

        Args:
            path: Where to write; a missing folder is made.

        Example:
            >>> rendering = Rendering.load("block3.npz")  # doctest: +SKIP
            >>> rendering.to_html("block3.html")  # doctest: +SKIP
        """
        # A page stands on the records; this method is only the shortest way to it.
        from jaxviz.html import write_renderings

        write_renderings(path, self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Rendering":
        """Read a rendering that `save` wrote as `.npz`; nothing in the file is executed.

        Raises:
            ValueError: If the file is none of ours, is cut off, or was written by a newer jaxviz.
        """
        path = Path(path)
        arrays, record = files.read_npz(path, ("images", "score_history", "history_steps"), optional=("transparency",))
        try:
            return cls(
                **arrays,
                labels=record["labels"],
                states=record["states"],
                messages=record["messages"],
                recipe=Recipe.from_json(record["recipe"]),
            )
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path.name!r} cannot be read as a rendering: {error}") from error

    def _repr_html_(self) -> str:
        return figures_html(self.pictures(), self.labels, self.scores, self.states, self.messages)

    def __repr__(self) -> str:
        count, *shape = self.images.shape
        known = self.scores[~np.isnan(self.scores)]
        scores = f"scores {known.min():.4g} to {known.max():.4g}" if known.size else "no scores"
        return (
            f"Rendering({count} unit{'s' * (count != 1)} of {'x'.join(map(str, shape))}, "
            f"{self.recipe.steps_text}, {scores})"
        )

    def __str__(self) -> str:
        rows = list(zip(self.labels, self.scores, self.states, self.messages, strict=True))
        lines = [repr(self)]
        for label, score, state, message in rows[:LISTED_UNITS]:
            lines.append("  ".join(filter(None, (f"  {label}", f"{score:.4g}", state, message))))
        if len(rows) > LISTED_UNITS:
            lines.append(f"  … and {len(rows) - LISTED_UNITS} more")
        return "\n".join(lines)
