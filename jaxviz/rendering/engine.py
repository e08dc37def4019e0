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
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, UInt8

from jaxviz.models import Layer, Network, jax_internals
from jaxviz.models.program import Lowering
from jaxviz.objectives import Objective, Target
from jaxviz.parameterizations import Parameterization
from jaxviz.rendering.devices import EVERYWHERE, LANES, LANES_OF_EACH_STEP, Devices
from jaxviz.rendering.early import Split, split
from jaxviz.rendering.overriding import Override
from jaxviz.rendering.plateau import watch
from jaxviz.rendering.state import Climb, Lanes, begun, select
from jaxviz.rendering.threads import each_by_its_own_thread

# Folded into a unit's key: one stream for the first variables, one for the transforms of each step.
_INIT_STREAM, _STEP_STREAM = 0, 1

# Of one dispatch.
MOST_STEPS = 64


@dataclasses.dataclass(frozen=True, eq=False)
class Engine:
    """The compiled functions of a network, an objective's targets and an optimizer.

    Attributes:
        network: The model traced for the disturbed images of the lanes that are climbed together.
        targets: What the objectives read, with the layer of each.
        optimizer: An optax transformation; its updates are multiplied by the climb's learning rate. Of those of
            `jaxviz.optimizers` the form counts, and the numbers are the climb's.
        image_size: Height, width and channels of the undisturbed image.
        lowering: Faster equivalents of equations, or None.
        overrides: The operations that gradients pass by the climb's rules.
        devices: What the lanes are shared out over.
        parts: Into how many parts a device's lanes are split that climb at the same time, each by a thread of its own.
        together: How many of a part's lanes are climbed together; the others wait for their turn.
        views_together: How many views of each image the network is traced for.
        transparency: Whether gradients of the images are added up over the steps.
    """

    network: Network
    targets: tuple[tuple[Target, Layer], ...]
    optimizer: optax.GradientTransformation
    image_size: tuple[int, ...]
    lowering: Lowering | None
    overrides: tuple[Override, ...]
    devices: Devices
    parts: int
    together: int
    views_together: int = 1
    transparency: bool = False

    @functools.cached_property
    def _wanted(self) -> list[int]:
        wanted = {
            value for target, layer in self.targets for value in self.network.wanted(layer, rectified=target.rectified)
        }
        return sorted(wanted)

    @functools.cached_property
    def _fixed_values(self) -> tuple[int, ...]:
        return self.network.program.fixed_values(self._wanted)

    def constants(self, weights: Sequence[Any]) -> list[Array]:
        """Compute once what a step needs of the weights alone, so that no step does it again."""
        known = dict(zip(self.network.program.weight_values, weights, strict=True))
        values = known | dict(zip(self._computed_values, self._fix(weights), strict=True))
        return self.devices.everywhere([values[value] for value in self._fixed_values])

    @functools.cached_property
    def _computed_values(self) -> list[int]:
        """The fixed values that are not weights themselves."""
        return [value for value in self._fixed_values if value not in self.network.program.weight_values]

    @functools.cached_property
    def _fix(self) -> Callable[[Sequence[Any]], list[Array]]:
        program = self.network.program

        def fix(weights: Sequence[Any]) -> list[Array]:
            return program.evaluate(dict(zip(program.weight_values, weights, strict=True)), self._computed_values)

        return jax.jit(fix)

    @functools.cached_property
    def first(self) -> Callable[..., Any]:
        """Draw the first variables of units: `(keys, parameterization) -> variables`."""

        def first(keys: Array, parameterization: Parameterization) -> Any:
            def draw(key: Array) -> Any:
                return parameterization.init(jax.random.fold_in(key, _INIT_STREAM), *self.image_size)

            return jax.vmap(draw)(keys)

        split = self.devices.split(first, (LANES, EVERYWHERE), LANES)
        # LLVM takes seconds to optimize the random bits of the first variables, which are drawn once.
        return jax.jit(split, compiler_options=jax_internals.quick_options(jax.default_backend()))

    @functools.cached_property
    def begin(self) -> Callable[..., Lanes]:
        """Make the state of units that begin with some variables: `(keys, last_step, variables) -> lanes`."""

        def begin(keys: Array, last_step: Int[Array, " lane"], variables: Any) -> Lanes:
            optimizer = jax.vmap(self.optimizer.init)(variables)
            none = jnp.zeros((len(keys), *self.image_size[:-1]), jnp.float32) if self.transparency else None
            return begun(variables, optimizer, jax.random.key_data(keys), last_step, none)

        return jax.jit(self.devices.split(begin, LANES, LANES))

    @functools.cached_property
    def merge(self) -> Callable[..., Lanes]:
        """Let states enter lanes where a mask is true: `(mask, entering, lanes) -> lanes`; uses the old lanes up."""
        return jax.jit(self.devices.split(select, LANES, LANES), donate_argnums=(2,))

    def advance(
        self, prepared: list[Array], lanes: Lanes, climb: Climb, count: Any, key_implementation: str
    ) -> tuple[Lanes, Float[Array, "step lane"]]:
        """Climb up to `MOST_STEPS` steps: return the lanes and the scores, of which the first `count` rows count.

        The old lanes are used up. All steps are one dispatch, on a CPU too: memory is asked of the system once a
        dispatch, and to fill fresh pages with zeros took 40 % of a step. A few lanes make all these steps before the
        next few begin, so that what they work on stays close to the processor.
        """
        if self.parts == 1:
            return self._advance(prepared, lanes, climb, count, key_implementation)
        parts: list[tuple[Lanes, Objective]] = self._apart((lanes, climb.objectives))
        given = [(prepared, lanes, climb._replace(objectives=own), count) for lanes, own in parts]
        return self._whole(each_by_its_own_thread(self._advance_of_part(*given[0], key_implementation), given))

    def _advance_of_part(
        self, prepared: list[Array], lanes: Lanes, climb: Climb, count: Any, key_implementation: str
    ) -> Callable[..., tuple[Lanes, Array]]:
        """Return the compiled program, compiled by the thread that asks and once for all parts."""
        identity = _form((lanes, climb), key_implementation)
        if identity not in self._compiled:
            lowered = self._advance.lower(prepared, lanes, climb, count, key_implementation)
            self._compiled[identity] = lowered.compile()
        return self._compiled[identity]

    @functools.cached_property
    def _compiled(self) -> dict[Any, Callable[..., tuple[Lanes, Array]]]:
        return {}

    @functools.cached_property
    def _apart(self) -> Callable[[Any], list[Any]]:
        def apart(tree: Any) -> list[Any]:
            split = jax.tree.map(lambda leaf: leaf.reshape(self.parts, -1, *leaf.shape[1:]), tree)
            return [jax.tree.map(operator.itemgetter(part), split) for part in range(self.parts)]

        return jax.jit(apart)

    @functools.cached_property
    def _whole(self) -> Callable[[Any], tuple[Lanes, Array]]:
        def whole(parts: Sequence[tuple[Lanes, Array]]) -> tuple[Lanes, Array]:
            lanes, scores = zip(*parts, strict=True)
            return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *lanes), jnp.concatenate(scores, axis=1)

        return jax.jit(whole)

    @functools.cached_property
    def _advance(self) -> Any:
        climb = Climb(LANES, *[EVERYWHERE] * (len(Climb._fields) - 1))  # pyright: ignore[reportArgumentType]
        takes, gives = (EVERYWHERE, LANES, climb, EVERYWHERE), (LANES, LANES_OF_EACH_STEP)
        options = jax_internals.reproducible_options(jax.default_backend())

        @functools.partial(jax.jit, donate_argnums=(1,), static_argnums=(4,), compiler_options=options)
        def advance(
            prepared: list[Array], lanes: Lanes, climb: Climb, count: Array, key_implementation: str
        ) -> tuple[Lanes, Array]:
            late = self._split(lanes, climb, key_implementation).late

            def climbed(prepared: list[Array], lanes: Lanes, climb: Climb, count: Array) -> tuple[Lanes, Array]:
                def some(part: tuple[Lanes, Objective]) -> tuple[Lanes, Array]:
                    own = climb._replace(objectives=part[1])

                    def turn(number: Array, carry: tuple[Lanes, Array]) -> tuple[Lanes, Array]:
                        lanes, scores = late(prepared, carry[0], own)
                        return lanes, carry[1].at[number].set(scores)

                    empty = jnp.full((MOST_STEPS, self.together), jnp.nan, jnp.float32)
                    return cast(tuple[Lanes, Array], jax.lax.fori_loop(0, count, turn, (part[0], empty)))

                parts = _in_parts((lanes, climb.objectives), self.together)
                made, scores = cast(tuple[Lanes, Array], jax.lax.map(some, parts))
                return _of_all_parts(made), jnp.moveaxis(scores, 0, 1).reshape(MOST_STEPS, -1)

            return self.devices.split(climbed, takes, gives)(prepared, lanes, climb, count)

        return advance

    def prepared(self, constants: Sequence[Array], lanes: Lanes, climb: Climb, key_implementation: str) -> list[Array]:
        """Compute once what a step needs of the constants alone."""
        early = jax.jit(self._split(lanes, climb, key_implementation).early)
        return self.devices.everywhere(cast(list[Array], early(list(constants))))

    def _split(self, lanes: Lanes, climb: Climb, key_implementation: str) -> Split:
        """Split the step of the lanes that are climbed together, once for all lanes and climbs of a form."""

        def first(leaf: Any) -> jax.ShapeDtypeStruct:
            return jax.ShapeDtypeStruct((self.together, *leaf.shape[1:]), leaf.dtype)

        part: tuple[Any, Any] = (
            jax.tree.map(first, lanes),
            climb._replace(objectives=jax.tree.map(first, climb.objectives)),
        )
        identity = _form(part, key_implementation)
        if identity not in self._splits:
            step = functools.partial(self._step, key_implementation=key_implementation)
            self._splits[identity] = split(step, self._fixed_shapes, *part)
        return self._splits[identity]

    @functools.cached_property
    def _splits(self) -> dict[Any, Split]:
        return {}

    @functools.cached_property
    def _fixed_shapes(self) -> list[jax.ShapeDtypeStruct]:
        return [self.network.program.shapes[value] for value in self._fixed_values]

    def _step(
        self, constants: Sequence[Array], lanes: Lanes, climb: Climb, key_implementation: str
    ) -> tuple[Lanes, Float[Array, " lane"]]:
        images, pull_back = cast(
            tuple[Array, Callable[[Array], tuple[Any]]],
            jax.vjp(jax.vmap(climb.parameterization.to_image), lanes.variables),
        )
        scores, slopes = self._over_views(constants, images, lanes, climb, key_implementation)
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
        result = result._replace(
            score=jnp.where(climbing, scores, lanes.score),
            alive=jnp.where(climbing, sound, lanes.alive),
        )
        return result, jnp.where(climbing, scores, jnp.nan)

    @functools.cached_property
    def images(self) -> Callable[..., Float[Array, "lane *position channel"]]:
        """Make the images of all lanes: `(lanes, parameterization) -> images` in [0, 1]."""
        return jax.jit(self.devices.split(self._images, (LANES, EVERYWHERE), LANES))

    @functools.cached_property
    def show(self) -> Callable[..., tuple[UInt8[Array, "lane *position channel"], Int[Array, "lane count"], Any]]:
        """Make what is seen of the lanes: `(lanes, parameterization) -> images, counters, transparency`.

        Images are bytes. Counters are step, last_step, alive, moved, settled. The transparency is None where it was not
        asked for. All are copies: the next step uses the lanes up.
        """

        def show(lanes: Lanes, parameterization: Parameterization) -> tuple[Array, Array, Array | None]:
            images = self._images(lanes, parameterization)
            pictures = jnp.round(jnp.clip(images, 0.0, 1.0) * 255.0).astype(jnp.uint8)
            counters = (lanes.step, lanes.last_step, lanes.alive, lanes.moved, lanes.settled)
            together = jnp.stack([counter.astype(jnp.int32) for counter in counters], axis=-1)
            return pictures, together, None if lanes.transparency is None else jnp.copy(lanes.transparency)

        return jax.jit(self.devices.split(show, (LANES, EVERYWHERE), LANES))

    def _images(self, lanes: Lanes, parameterization: Parameterization) -> Float[Array, "lane *position channel"]:
        return jax.vmap(parameterization.to_image)(lanes.variables)

    def _over_views(
        self, constants: Sequence[Array], images: Array, lanes: Lanes, climb: Climb, key_implementation: str
    ) -> tuple[Float[Array, " lane"], Float[Array, "lane *position channel"]]:
        """Return the scores of all lanes and their gradients by the images, both as means over the views of a step.

        Some views are evaluated together, and such groups one after the other. How many is decided by their number
        alone, so that a lane adds up the same numbers in the same order whatever is beside it.
        """
        views, together = climb.transform.views, self.views_together

        def of_some(first_view: Array | int) -> tuple[Array, Array]:
            def total(images: Array) -> tuple[Array, Array]:
                scores = jnp.sum(self._scores(constants, images, first_view, lanes, climb, key_implementation), axis=1)
                return jnp.sum(scores), scores

            (_, scores), slopes = cast(Any, jax.value_and_grad(total, has_aux=True)(images))
            return scores, slopes

        if views == together:
            scores, slopes = of_some(0)
            return (scores, slopes) if views == 1 else (scores / views, slopes / views)

        def turn(number: Array, sums: tuple[Array, Array]) -> tuple[Array, Array]:
            return cast(tuple[Array, Array], jax.tree.map(jnp.add, sums, of_some(number * together)))

        nothing = jnp.zeros(len(images), jnp.float32), jnp.zeros_like(images)
        scores, slopes = cast(tuple[Array, Array], jax.lax.fori_loop(0, views // together, turn, nothing))
        return scores / views, slopes / views

    def _scores(
        self,
        constants: Sequence[Array],
        images: Float[Array, "lane *position channel"],
        first_view: Array | int,
        lanes: Lanes,
        climb: Climb,
        key_implementation: str,
    ) -> Float[Array, "lane view"]:
        """Score some views of the image, or of the images side by side, that every lane holds."""
        count, several_views = climb.parameterization.images_in_lane, climb.transform.views > 1
        whole = images[:, None] if count == 1 else _apart(images, count)
        shape = (len(images), self.views_together, count)

        def disturb(key_data: Array, step: Array, view: Array, place: Array, image: Array) -> Array:
            key = cast(Array, jax.random.wrap_key_data(key_data, impl=key_implementation))
            key = jax.random.fold_in(jax.random.fold_in(key, _STEP_STREAM), step)
            key = jax.random.fold_in(key, place) if count > 1 else key
            key = jax.random.fold_in(key, view) if several_views else key
            return climb.transform.at(step)(key, image)

        # For the model all views of all images of all lanes are one batch.
        key_data, step = (jnp.repeat(part, shape[1] * shape[2], axis=0) for part in (lanes.key, lanes.step))
        view, place = (jax.lax.broadcasted_iota(jnp.int32, shape, axis).ravel() for axis in (1, 2))
        flat = jnp.broadcast_to(whole[:, None], (*shape, *whole.shape[2:])).reshape(-1, *whole.shape[2:])
        disturbed = jax.vmap(disturb)(key_data, step, first_view + view, place, flat)
        activations = self._activations(constants, disturbed, climb, step)

        def score(objective: Objective, activation: Mapping[Target, Array], images: Array) -> Array:
            if count > 1:
                return objective.score_of_several(activation, images)
            alone = {target: jnp.squeeze(array, 0) for target, array in activation.items()}
            return objective.score(alone, jnp.squeeze(images, 0))

        of_lanes = jax.vmap(jax.vmap(score, in_axes=(None, 0, None)))
        apart = {target: array.reshape(*shape, *array.shape[1:]) for target, array in activations.items()}
        return of_lanes(climb.objectives, apart, whole)

    def _activations(
        self, constants: Sequence[Array], images: Array, climb: Climb, step: Int[Array, " image"]
    ) -> dict[Target, Array]:
        program = self.network.program
        known = dict(zip(self._fixed_values, constants, strict=True)) | {program.image_value: images}
        replaced = {
            override.operation.value: override.replacement(program, climb.gradient_rules, step, self.lowering)
            for override in self.overrides
        }
        computed = program.evaluate(known, self._wanted, lowering=self.lowering, replaced=replaced)
        values = dict(zip(self._wanted, computed, strict=True))
        return {target: self.network.read(values, layer, rectified=target.rectified) for target, layer in self.targets}


def _form(tree: Any, key_implementation: str) -> Any:
    """Return what two climbs have in common for which one program is compiled."""
    leaves, form = cast(tuple[list[Any], Any], jax.tree.flatten(tree))
    return form, tuple((np.shape(leaf), jnp.result_type(leaf)) for leaf in leaves), key_implementation


def _in_parts(tree: Any, size: int) -> Any:
    """Split the lanes of every leaf into parts of a size."""

    def parts(leaf: Array) -> Array:
        return leaf.reshape(-1, size, *leaf.shape[1:])

    return jax.tree.map(parts, tree)


def _of_all_parts(tree: Any) -> Any:
    """Put the parts of every leaf together again."""

    def whole(leaf: Array) -> Array:
        return leaf.reshape(-1, *leaf.shape[2:])

    return jax.tree.map(whole, tree)


def _apart(strips: Float[Array, "lane ... columns channel"], count: int) -> Float[Array, "lane image ... channel"]:
    """Take the images that lie side by side in each lane apart."""
    *before, columns, channels = strips.shape
    return jnp.moveaxis(strips.reshape(*before, count, columns // count, channels), -3, 1)


def with_numbers(optimizer: optax.GradientTransformation, numbers: Mapping[str, Any]) -> optax.GradientTransformation:
    """Return the optimizer with other numbers, if it is of a kind that can have them (`jaxviz.optimizers`)."""
    return cast(Any, optimizer).with_numbers(numbers) if numbers else optimizer


def _added_up(transparency: Array | None, slopes: Float[Array, "lane *position channel"]) -> Array | None:
    """Add the mean absolute gradient over the channels, where it is wanted."""
    return None if transparency is None else transparency + jnp.mean(jnp.abs(slopes), axis=-1)


def _of_each_lane(tree: Any, test: Callable[[Array], Array], *, any_leaf: bool = False) -> Bool[Array, " lane"]:
    results = jnp.stack([jax.vmap(test)(leaf) for leaf in jax.tree.leaves(tree)])
    return results.any(0) if any_leaf else results.all(0)
