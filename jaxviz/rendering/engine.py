"""Compiled steps of gradient ascent for a fixed number of lanes, each climbing a unit of its own.

Units enter and leave lanes without recompiling: their indices and all hyper-parameters are traced.
"""

import dataclasses
import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, UInt8

from jaxviz import pytrees
from jaxviz.models import jax_internals
from jaxviz.objectives import Objective
from jaxviz.parameterizations import Parameterization
from jaxviz.rendering.devices import EVERYWHERE, LANES, LANES_OF_EACH_STEP, Devices
from jaxviz.rendering.early import Split, split
from jaxviz.rendering.plateau import watch
from jaxviz.rendering.scoring import Scoring
from jaxviz.rendering.state import INIT_STREAM, NO_SCORE, Climb, Lanes, begun, form, select
from jaxviz.rendering.threads import Parts
from jaxviz.results.sheet import SURROUND

# Of one dispatch.
MOST_STEPS = 64


@dataclasses.dataclass(frozen=True, eq=False)
class Engine:
    """The compiled functions of a scoring and an optimizer.

    Attributes:
        scoring: What gives the images of the lanes that are climbed together their scores.
        optimizer: An optax transformation; its updates are multiplied by the climb's learning rate. Of those of
            `jaxviz.optimizers` the form counts, and the numbers are the climb's.
        image_size: Height, width and channels of the undisturbed image.
        devices: What the lanes are shared out over.
        parts: Into how many parts a device's lanes are split that climb at the same time, each by a thread of its own.
        together: How many of a part's lanes are climbed together; the others wait for their turn.
        transparency: Whether gradients of the images are added up over the steps.
    """

    scoring: Scoring
    optimizer: optax.GradientTransformation
    image_size: tuple[int, ...]
    devices: Devices
    parts: int
    together: int
    transparency: bool = False

    def constants(self, weights: Sequence[Any]) -> list[Array]:
        """Compute once what a step needs of the weights alone, so that no step does it again."""
        return self.devices.everywhere(self.scoring.constants(weights))

    @functools.cached_property
    def first(self) -> Callable[..., Any]:
        """Draw the first variables of units: `(keys, parameterization) -> variables`."""

        def first(keys: Array, parameterization: Parameterization) -> Any:
            def draw(key: Array) -> Any:
                return parameterization.init(jax.random.fold_in(key, INIT_STREAM), *self.image_size)

            return jax.vmap(draw)(keys)

        split = self.devices.split(first, (LANES, EVERYWHERE), LANES)
        # LLVM takes seconds to optimize the random bits of the first variables, which are drawn once.
        return pytrees.jit(split, compiler_options=jax_internals.quick_options(jax.default_backend()))

    @functools.cached_property
    def begin(self) -> Callable[..., Lanes]:
        """Make the state of units that begin with some variables: `(keys, last_step, variables) -> lanes`."""

        def begin(keys: Array, last_step: Int[Array, " lane"], variables: Any) -> Lanes:
            optimizer = jax.vmap(self.optimizer.init)(variables)
            none = jnp.zeros((len(keys), *self.image_size[:-1]), jnp.float32) if self.transparency else None
            return begun(variables, optimizer, jax.random.key_data(keys), last_step, none)

        return pytrees.jit(self.devices.split(begin, LANES, LANES))

    @functools.cached_property
    def merge(self) -> Callable[..., Lanes]:
        """Let states enter lanes where a mask is true: `(mask, entering, lanes) -> lanes`; uses the old lanes up."""
        return pytrees.jit(self.devices.split(select, LANES, LANES), donated=(2,))

    def advance(
        self, prepared: list[Array], lanes: Lanes, climb: Climb, count: Any, key_implementation: str
    ) -> tuple[Lanes, Float[Array, "step lane"]]:
        """Climb up to `MOST_STEPS` steps: return the lanes and the scores, of which the first `count` rows count.

        The old lanes are used up. All steps are one dispatch, on a CPU too: memory is asked of the system once a
        dispatch, and to fill fresh pages with zeros took 40 % of a step. A few lanes make all these steps before the
        next few begin, so that what they work on stays close to the processor.
        """
        advance = self._advance if self.parts == 1 else self._parts
        return advance(prepared, lanes, climb, count, key_implementation)

    @functools.cached_property
    def _parts(self) -> Parts:
        return Parts(self.parts, self._advance)

    @functools.cached_property
    def _advance(self) -> Any:
        climb = Climb(LANES, *[EVERYWHERE] * (len(Climb._fields) - 1))  # pyright: ignore[reportArgumentType]
        takes, gives = (EVERYWHERE, LANES, climb, EVERYWHERE), (LANES, LANES_OF_EACH_STEP)
        options = jax_internals.climbing_options(jax.default_backend())

        @functools.partial(pytrees.jit, donated=(1,), static=(4,), compiler_options=options)
        def advance(
            prepared: list[Array], lanes: Lanes, climb: Climb, count: Array, key_implementation: str
        ) -> tuple[Lanes, Array]:
            late = self._split(lanes, climb, key_implementation).late

            def climbed(prepared: list[Array], lanes: Lanes, climb: Climb, count: Array) -> tuple[Lanes, Array]:
                def some(some_lanes: tuple[Lanes, Objective]) -> tuple[Lanes, Array]:
                    own = climb._replace(objectives=some_lanes[1])

                    def turn(number: Array, carry: tuple[Lanes, Array]) -> tuple[Lanes, Array]:
                        lanes, scores = late(prepared, carry[0], own)
                        return lanes, carry[1].at[number].set(scores)

                    empty = jnp.full((MOST_STEPS, self.together), NO_SCORE, jnp.float32)
                    return cast(tuple[Lanes, Array], jax.lax.fori_loop(0, count, turn, (some_lanes[0], empty)))

                turns = _in_turns((lanes, climb.objectives), self.together)
                made, scores = cast(tuple[Lanes, Array], jax.lax.map(some, turns))
                return _of_all_turns(made), jnp.moveaxis(scores, 0, 1).reshape(MOST_STEPS, -1)

            return self.devices.split(climbed, takes, gives)(prepared, lanes, climb, count)

        return advance

    def prepared(self, constants: Sequence[Array], lanes: Lanes, climb: Climb, key_implementation: str) -> list[Array]:
        """Compute once what a step needs of the constants alone."""
        parts = self._split(lanes, climb, key_implementation)
        early = cast(list[Array], jax.jit(parts.early)(list(constants)))
        return self.devices.everywhere([*parts.large, *early])

    def _split(self, lanes: Lanes, climb: Climb, key_implementation: str) -> Split:
        """Split the step of the lanes that are climbed together, once for all lanes and climbs of a form."""

        def first(leaf: Any) -> jax.ShapeDtypeStruct:
            return jax.ShapeDtypeStruct((self.together, *leaf.shape[1:]), leaf.dtype)

        part: tuple[Any, Any] = (
            jax.tree.map(first, lanes),
            climb._replace(objectives=jax.tree.map(first, climb.objectives)),
        )
        identity = form(part, key_implementation)
        if identity not in self._splits:
            step = functools.partial(self._step, key_implementation=key_implementation)
            self._splits[identity] = split(step, self.scoring.constant_shapes, *part)
        return self._splits[identity]

    @functools.cached_property
    def _splits(self) -> dict[Any, Split]:
        return {}

    def _step(
        self, constants: Sequence[Array], lanes: Lanes, climb: Climb, key_implementation: str
    ) -> tuple[Lanes, Float[Array, " lane"]]:
        images, pull_back = cast(
            tuple[Array, Callable[[Array], tuple[Any]]],
            jax.vjp(jax.vmap(climb.parameterization.to_image), lanes.variables),
        )
        scores, slopes = self.scoring.over_views(constants, images, lanes, climb, key_implementation)
        # The gradient is the score's, as gradient rules have it; optimizers descend.
        (rising,) = pull_back(slopes)
        gradient = jax.tree.map(operator.neg, rising)
        climbing = lanes.alive & ~lanes.settled & (lanes.step < lanes.last_step)
        sound = jnp.isfinite(scores) & _of_each_lane(gradient, lambda leaf: jnp.isfinite(leaf).all())
        moved = _of_each_lane(gradient, lambda leaf: (leaf != 0).any(), any_leaf=True)
        update = with_numbers(self.optimizer, climb.optimizer_numbers).update
        updates, optimizer = jax.vmap(update)(gradient, lanes.optimizer, lanes.variables)
        updates = jax.tree.map(functools.partial(operator.mul, climb.learning_rate), updates)
        progress, settled = watch(climb.plateau, lanes.progress, scores, lanes.step)
        for rule in climb.gradient_rules:
            # A picture that only the rule moves has moved its unit no sooner than the score. One step cannot tell.
            told = (scores != progress.first) | (lanes.last_step == 1)
            moved &= ~rule.may_wake(lanes.step) | told
        advanced = lanes._replace(
            variables=optax.apply_updates(lanes.variables, updates),
            optimizer=optimizer,
            step=lanes.step + 1,
            moved=lanes.moved | moved,
            settled=settled,
            progress=progress,
            transparency=_added_up(lanes.transparency, slopes),
        )
        result = select(climbing & sound, advanced, lanes)
        return result._replace(alive=jnp.where(climbing, sound, lanes.alive)), jnp.where(climbing, scores, NO_SCORE)

    @functools.cached_property
    def images(self) -> Callable[..., Float[Array, "lane *position channel"]]:
        """Make the images of all lanes: `(lanes, parameterization) -> images` in [0, 1]."""
        return self._seen(self._images)

    @functools.cached_property
    def show(self) -> Callable[..., tuple[UInt8[Array, "lane *position channel"], Int[Array, "lane count"], Any]]:
        """Make what is seen of the lanes: `(lanes, parameterization) -> images, counters, transparency`.

        Images are bytes. Counters are step, last_step, alive (with a finite picture), moved, settled. The transparency
        is None where it was not asked for. All are copies: the next step uses the lanes up.
        """

        def show(lanes: Lanes, parameterization: Parameterization) -> tuple[Array, Array, Array | None]:
            images = self._images(lanes, parameterization)
            # No score tells of what the last step did.
            sound = lanes.alive & _of_each_lane(images, lambda image: jnp.isfinite(image).all())
            seen = jnp.where(jnp.isnan(images), SURROUND / 255, jnp.clip(images, 0.0, 1.0))
            pictures = jnp.round(seen * 255.0).astype(jnp.uint8)
            counters = (lanes.step, lanes.last_step, sound, lanes.moved, lanes.settled)
            together = jnp.stack([counter.astype(jnp.int32) for counter in counters], axis=-1)
            return pictures, together, None if lanes.transparency is None else jnp.copy(lanes.transparency)

        return self._seen(show)

    def _seen(self, make: Callable[..., Any]) -> Callable[..., Any]:
        """Compile what makes something of lanes and parameterization, for all devices."""
        options = jax_internals.beside_others(jax.default_backend())
        return pytrees.jit(self.devices.split(make, (LANES, EVERYWHERE), LANES), compiler_options=options)

    def _images(self, lanes: Lanes, parameterization: Parameterization) -> Float[Array, "lane *position channel"]:
        return jax.vmap(parameterization.to_image)(lanes.variables)


def _in_turns(tree: Any, size: int) -> Any:
    """Split the lanes of every leaf into some of a size, which climb one after the other."""

    def turns(leaf: Array) -> Array:
        return leaf.reshape(-1, size, *leaf.shape[1:])

    return jax.tree.map(turns, tree)


def _of_all_turns(tree: Any) -> Any:
    """Put the lanes of every leaf together again."""

    def whole(leaf: Array) -> Array:
        return leaf.reshape(-1, *leaf.shape[2:])

    return jax.tree.map(whole, tree)


def with_numbers(optimizer: optax.GradientTransformation, numbers: Mapping[str, Any]) -> optax.GradientTransformation:
    """Return the optimizer with other numbers, if it is of a kind that can have them (`jaxviz.optimizers`)."""
    return cast(Any, optimizer).with_numbers(numbers) if numbers else optimizer


def _added_up(transparency: Array | None, slopes: Float[Array, "lane *position channel"]) -> Array | None:
    """Add the mean absolute gradient over the channels, where it is wanted."""
    return None if transparency is None else transparency + jnp.mean(jnp.abs(slopes), axis=-1)


def _of_each_lane(tree: Any, test: Callable[[Array], Array], *, any_leaf: bool = False) -> Bool[Array, " lane"]:
    results = jnp.stack([jax.vmap(test)(leaf) for leaf in jax.tree.leaves(tree)])
    return results.any(0) if any_leaf else results.all(0)
