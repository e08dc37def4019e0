"""Score the images of lanes: disturb them, let the network see them, and ask the objectives.

Nothing crosses lanes, and what is added up is added in one order, whatever is beside a lane.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxviz.models import Layer, Network
from jaxviz.models.program import Lowering
from jaxviz.objectives import Objective, Target
from jaxviz.rendering.gains import Gained, computed_once, with_gains
from jaxviz.rendering.overriding import Override
from jaxviz.rendering.state import GAIN_STREAM, STEP_STREAM, Climb, Lanes
from jaxviz.transforms.gains import drawn_gains


@dataclasses.dataclass(frozen=True, eq=False)
class Scoring:
    """A network and what objectives read of it.

    Attributes:
        network: The model traced for the disturbed images of the lanes that are climbed together.
        targets: What the objectives read, with the layer of each.
        lowering: Faster equivalents of equations, or None.
        overrides: The operations that gradients pass by the climb's rules.
        gained: The values whose channels have random gains.
        views_together: How many views of each image the network is traced for.
    """

    network: Network
    targets: tuple[tuple[Target, Layer], ...]
    lowering: Lowering | None
    overrides: tuple[Override, ...]
    gained: tuple[Gained, ...] = ()
    views_together: int = 1

    def constants(self, weights: Sequence[Any]) -> list[Array]:
        """Compute once what the network makes of the weights alone, so that no step does it again."""
        known = dict(zip(self.network.program.weight_values, weights, strict=True))
        values = known | dict(zip(self._computed_values, self._fix(weights), strict=True))
        return [values[value] for value in self._fixed_values]

    @property
    def constant_shapes(self) -> list[jax.ShapeDtypeStruct]:
        """Shapes of the constants."""
        return [self.network.program.shapes[value] for value in self._fixed_values]

    def over_views(
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
        whole = images[:, None] if count == 1 else _images_apart(images, count)
        shape = (len(images), self.views_together, count)

        def disturb(key_data: Array, step: Array, view: Array, place: Array, image: Array) -> tuple[Array, Array]:
            key = cast(Array, jax.random.wrap_key_data(key_data, impl=key_implementation))
            key = jax.random.fold_in(jax.random.fold_in(key, STEP_STREAM), step)
            key = jax.random.fold_in(key, place) if count > 1 else key
            key = jax.random.fold_in(key, view) if several_views else key
            transform = climb.transform.at(step)
            if not self.gained:
                return transform(key, image), jnp.ones(0)
            channels = sum(item.channels for item in self.gained)
            gains = drawn_gains(jax.random.fold_in(key, GAIN_STREAM), transform.network_gains, channels)
            return transform(key, image), gains

        # For the model all views of all images of all lanes are one batch.
        key_data, step = (jnp.repeat(part, shape[1] * shape[2], axis=0) for part in (lanes.key, lanes.step))
        view, place = (jax.lax.broadcasted_iota(jnp.int32, shape, axis).ravel() for axis in (1, 2))
        flat = jnp.broadcast_to(whole[:, None], (*shape, *whole.shape[2:])).reshape(-1, *whole.shape[2:])
        disturbed, gains = jax.vmap(disturb)(key_data, step, first_view + view, place, flat)
        activations = self._activations(constants, disturbed, computed_once(gains, step), climb, step)

        def score(objective: Objective, activation: Mapping[Target, Array], images: Array) -> Array:
            if count > 1:
                return objective.score_of_several(activation, images)
            alone = {target: jnp.squeeze(array, 0) for target, array in activation.items()}
            return objective.score(alone, jnp.squeeze(images, 0))

        of_views = cast(Any, jax.vmap(score, in_axes=(None, 0, None), axis_size=self.views_together))
        of_lanes = jax.vmap(of_views)
        apart = {target: array.reshape(*shape, *array.shape[1:]) for target, array in activations.items()}
        return of_lanes(climb.objectives, apart, whole)

    def _activations(
        self, constants: Sequence[Array], images: Array, gains: Array, climb: Climb, step: Int[Array, " image"]
    ) -> dict[Target, Array]:
        program = self.network.program
        known = dict(zip(self._fixed_values, constants, strict=True)) | {program.image_value: images}
        replaced = {
            override.operation.value: override.replacement(program, climb.gradient_rules, step, self.lowering)
            for override in self.overrides
        }
        replaced = with_gains(program, self.gained, gains, replaced, self.lowering)
        computed = program.evaluate(known, self._wanted, lowering=self.lowering, replaced=replaced)
        values = dict(zip(self._wanted, computed, strict=True))
        return {target: self.network.read(values, layer, rectified=target.rectified) for target, layer in self.targets}

    @functools.cached_property
    def _wanted(self) -> list[int]:
        return values_read(self.network, self.targets)

    @functools.cached_property
    def _fixed_values(self) -> tuple[int, ...]:
        return self.network.program.fixed_values(self._wanted)

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


def values_read(network: Network, targets: Sequence[tuple[Target, Layer]]) -> list[int]:
    """Return the numbers of the values that objectives read of a network."""
    return sorted({value for target, layer in targets for value in network.wanted(layer, rectified=target.rectified)})


def _images_apart(
    strips: Float[Array, "lane ... columns channel"], count: int
) -> Float[Array, "lane image ... channel"]:
    """Take the images that lie side by side in each lane apart."""
    *before, columns, channels = strips.shape
    return jnp.moveaxis(strips.reshape(*before, count, columns // count, channels), -3, 1)
