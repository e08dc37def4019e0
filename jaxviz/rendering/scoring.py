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
from jaxviz.models.lowering.folding import fold_channels
from jaxviz.models.program import Lowering
from jaxviz.objectives import Objective, Target
from jaxviz.rendering.early import split
from jaxviz.rendering.gains import Gained, computed_once, with_gains
from jaxviz.rendering.overriding import Override
from jaxviz.rendering.state import GAIN_STREAM, STEP_STREAM, Climb, Lanes
from jaxviz.transforms import Views
from jaxviz.transforms.gains import drawn_gains


@dataclasses.dataclass(frozen=True, eq=False)
class Scoring:
    """A network and what objectives read of it.

    Attributes:
        network: The model traced for the disturbed images of the lanes that are climbed together, or for two in place
            of one.
        targets: What the objectives read, with the layer of each.
        lowering: Faster equivalents of equations, or None.
        overrides: The operations that gradients pass by the climb's rules.
        gained: The values whose channels have random gains.
        views_together: How many views of each image the network is traced for.
        folded: Whether what is done to each channel behind a product is folded into its kernel.
    """

    network: Network
    targets: tuple[tuple[Target, Layer], ...]
    lowering: Lowering | None
    overrides: tuple[Override, ...]
    gained: tuple[Gained, ...] = ()
    views_together: int = 1
    folded: bool = False

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

        Some views are evaluated together, and such groups one after the other. They are added up view by view, so a
        lane adds the same numbers in the same order however many are evaluated together, and whatever is beside it.
        """

        def of_some(
            constants: Sequence[Array], first_view: Array, images: Array, lanes: Lanes, climb: Climb
        ) -> tuple[Array, Array]:
            def total(views: Array) -> tuple[Array, Array]:
                scores = self._scores(constants, views, first_view, lanes, climb, key_implementation)
                return jnp.sum(scores), scores

            views = jnp.broadcast_to(images[:, None], (len(images), self.views_together, *images.shape[1:]))
            (_, scores), slopes = cast(Any, jax.value_and_grad(total, has_aux=True)(views))
            return scores, slopes

        first, varying = jnp.int32(0), (images, lanes, climb)
        if not isinstance(climb.transform, Views):
            scores, slopes = of_some(constants, first, *varying)
            return scores[:, 0], slopes[:, 0]
        # What the weights alone decide is taken out of this loop, too.
        parts = split(of_some, constants, first, *varying)
        kept = [*parts.large, *parts.early(constants)]

        def turn(number: Array, sums: tuple[Array, Array]) -> tuple[Array, Array]:
            scores, slopes = parts.late(kept, jnp.int32(number * self.views_together), *varying)
            for view in range(self.views_together):
                sums = sums[0] + scores[:, view], sums[1] + slopes[:, view]
            return sums

        nothing = jnp.zeros(len(images), jnp.float32), jnp.zeros_like(images)
        count = climb.transform.views
        scores, slopes = cast(Any, jax.lax.fori_loop(0, count // self.views_together, turn, nothing))
        # A compiler divides by a number that it does not know in one program and multiplies in another.
        share = 1 / jnp.float32(count)
        return scores * share, slopes * share

    def _scores(
        self,
        constants: Sequence[Array],
        views: Float[Array, "lane view *position channel"],
        first_view: Array,
        lanes: Lanes,
        climb: Climb,
        key_implementation: str,
    ) -> Float[Array, "lane view"]:
        """Score some views of the image, or of the images side by side, that every lane holds."""
        count = climb.parameterization.images_in_lane
        whole = views[:, :, None] if count == 1 else _images_apart(views, count)
        shape = whole.shape[:3]

        def disturb(key_data: Array, step: Array, view: Array, place: Array, image: Array) -> tuple[Array, Array]:
            key = cast(Array, jax.random.wrap_key_data(key_data, impl=key_implementation))
            key = jax.random.fold_in(jax.random.fold_in(key, STEP_STREAM), step)
            key = jax.random.fold_in(key, place) if count > 1 else key
            if isinstance(climb.transform, Views):  # a single view is disturbed as without it
                key = jnp.where(climb.transform.views > 1, jax.random.fold_in(key, view), key)
            transform = climb.transform.at(step)
            if not self.gained:
                return transform(key, image), jnp.ones(0)
            channels = sum(item.channels for item in self.gained)
            gains = drawn_gains(jax.random.fold_in(key, GAIN_STREAM), transform.network_gains, channels)
            return transform(key, image), gains

        # For the model all views of all images of all lanes are one batch.
        key_data, step = (jnp.repeat(part, shape[1] * shape[2], axis=0) for part in (lanes.key, lanes.step))
        view, place = (jax.lax.broadcasted_iota(jnp.int32, shape, axis).ravel() for axis in (1, 2))
        flat = whole.reshape(-1, *whole.shape[3:])
        disturbed, gains = jax.vmap(disturb)(key_data, step, first_view + view, place, flat)
        activations = self._activations(constants, disturbed, computed_once(gains, step), climb, step)

        def score(objective: Objective, activation: Mapping[Target, Array], images: Array) -> Array:
            if count > 1:
                return objective.score_of_several(activation, images)
            alone = {target: jnp.squeeze(array, 0) for target, array in activation.items()}
            return objective.score(alone, jnp.squeeze(images, 0))

        of_views = cast(Any, jax.vmap(score, in_axes=(None, 0, 0)))
        of_lanes = jax.vmap(of_views)
        apart = {target: array.reshape(*shape, *array.shape[1:]) for target, array in activations.items()}
        return of_lanes(climb.objectives, apart, whole)

    def _activations(
        self, constants: Sequence[Array], images: Array, gains: Array, climb: Climb, step: Int[Array, " image"]
    ) -> dict[Target, Array]:
        program, count = self.network.program, len(images)
        if program.shapes[program.image_value].shape[0] > count:  # one, twice: see `Model.enough`
            images, gains, step = (jnp.concatenate([part, part]) for part in (images, gains, step))
        known = dict(zip(self._fixed_values, constants, strict=True)) | {program.image_value: images}
        replaced = {
            override.operation.value: override.replacement(program, climb.gradient_rules, step, self.lowering)
            for override in self.overrides
        }
        replaced = with_gains(program, self.gained, gains, replaced, self.lowering)
        if self.folded:
            reads = [*self._wanted, *(override.operation.reads for override in self.overrides)]
            replaced = fold_channels(program, reads, replaced, self.lowering)
        computed = program.evaluate(known, self._wanted, lowering=self.lowering, replaced=replaced)
        values = dict(zip(self._wanted, computed, strict=True))
        read = {target: self.network.read(values, layer, rectified=target.rectified) for target, layer in self.targets}
        return {target: activation[:count] for target, activation in read.items()}

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
    strips: Float[Array, "lane view ... columns channel"], count: int
) -> Float[Array, "lane view image ... channel"]:
    """Take the images that lie side by side in each lane apart."""
    *before, columns, channels = strips.shape
    return jnp.moveaxis(strips.reshape(*before, count, columns // count, channels), -3, 2)
