"""One compiled step of gradient ascent for a fixed number of lanes, each climbing a unit of its own.

A *lane* is one place of the batch. Everything about a unit (its variables, optimizer state, key, step, objective)
has the lane as its first axis; nothing crosses lanes, so a unit's image does not depend on its neighbours. Units
enter and leave lanes without recompiling: their indices and all hyper-parameters are traced.
"""

import dataclasses
import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, UInt8

from jaxviz.models import Layer, Network, jax_internals
from jaxviz.models.program import Lowering
from jaxviz.objectives import Objective, Target
from jaxviz.parameterizations import Parameterization
from jaxviz.rendering.plateau import Plateau, Progress, no_progress, watch
from jaxviz.transforms import Transform

# Folded into a unit's key: one stream for the first variables, one for the transforms of each step.
_INIT_STREAM, _STEP_STREAM = 0, 1


class Lanes(NamedTuple):
    """The state of all lanes; every array has the lane as its first axis.

    Attributes:
        variables: Free variables of the images.
        optimizer: State of the optimizer.
        key: Each unit's own random key.
        step: Steps made so far.
        last_step: Steps to make; a lane whose step has reached it stands still.
        score: Score at the last step.
        alive: False once the score or the gradient was not finite; the variables stay the last sound ones.
        moved: Whether any gradient was ever other than zero.
        settled: Whether the score has stopped rising; the lane stands still from then on.
        progress: What tells whether it has.
    """

    variables: Any
    optimizer: Any
    key: Array
    step: Int[Array, " lane"]
    last_step: Int[Array, " lane"]
    score: Float[Array, " lane"]
    alive: Bool[Array, " lane"]
    moved: Bool[Array, " lane"]
    settled: Bool[Array, " lane"]
    progress: Progress


class Climb(NamedTuple):
    """What a step needs beside the state; all of it traced, so changing a number compiles nothing.

    Attributes:
        objectives: Objectives of one form, stacked leaf by leaf over lanes.
        parameterization: How variables make an image.
        transform: How an image is disturbed before the model sees it.
        learning_rate: Size of a step.
        plateau: When a unit whose score no longer rises is stopped.
    """

    objectives: Objective
    parameterization: Parameterization
    transform: Transform
    learning_rate: Any
    plateau: Plateau


@dataclasses.dataclass(frozen=True, eq=False)
class Engine:
    """The compiled functions of a network, an objective's targets and an optimizer.

    Attributes:
        network: The model traced for the disturbed images of all lanes.
        targets: What the objectives read, with the layer of each.
        optimizer: An optax transformation; its updates are multiplied by the climb's learning rate.
        image_size: Height, width and channels of the undisturbed image.
        lowering: Faster equivalents of equations, or None.
    """

    network: Network
    targets: tuple[tuple[Target, Layer], ...]
    optimizer: optax.GradientTransformation
    image_size: tuple[int, int, int]
    lowering: Lowering | None

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
        return [values[value] for value in self._fixed_values]

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
    def fresh(self) -> Callable[..., Lanes]:
        """Make the state of units that begin: `(keys, last_step, parameterization) -> lanes`."""

        # LLVM takes seconds to optimize the random bits of the first variables, which are drawn once.
        @functools.partial(jax.jit, compiler_options=jax_internals.quick_options(jax.default_backend()))
        def fresh(keys: Array, last_step: Int[Array, " lane"], parameterization: Parameterization) -> Lanes:
            def first(key: Array) -> Any:
                return parameterization.init(jax.random.fold_in(key, _INIT_STREAM), *self.image_size)

            variables = jax.vmap(first)(keys)
            return begun(variables, jax.vmap(self.optimizer.init)(variables), jax.random.key_data(keys), last_step)

        return fresh

    @functools.cached_property
    def merge(self) -> Callable[..., Lanes]:
        """Let states enter lanes where a mask is true: `(mask, entering, lanes) -> lanes`; uses the old lanes up."""

        @functools.partial(jax.jit, donate_argnums=(2,))
        def merge(mask: Bool[Array, " lane"], entering: Lanes, lanes: Lanes) -> Lanes:
            return _select(mask, entering, lanes)

        return merge

    @functools.cached_property
    def step(self) -> Callable[..., tuple[Lanes, Float[Array, " lane"]]]:
        """Climb one step: `(constants, lanes, climb, key_implementation) -> lanes, scores`; uses the old lanes up."""
        options = jax_internals.reproducible_options(jax.default_backend())

        @functools.partial(jax.jit, donate_argnums=(1,), static_argnums=(3,), compiler_options=options)
        def step(
            constants: Sequence[Array], lanes: Lanes, climb: Climb, key_implementation: str
        ) -> tuple[Lanes, Array]:
            def negative(variables: Any) -> tuple[Array, Array]:
                scores = self._scores(constants, variables, lanes, climb, key_implementation)
                return -jnp.sum(scores), scores

            gradient, scores = cast(tuple[Any, Array], jax.grad(negative, has_aux=True)(lanes.variables))
            climbing = lanes.alive & ~lanes.settled & (lanes.step < lanes.last_step)
            sound = jnp.isfinite(scores) & _of_each_lane(gradient, lambda leaf: jnp.isfinite(leaf).all())
            moved = _of_each_lane(gradient, lambda leaf: (leaf != 0).any(), any_leaf=True)
            updates, optimizer = jax.vmap(self.optimizer.update)(gradient, lanes.optimizer, lanes.variables)
            updates = jax.tree.map(functools.partial(operator.mul, climb.learning_rate), updates)
            progress, settled = watch(climb.plateau, lanes.progress, scores, lanes.step)
            advanced = lanes._replace(
                variables=optax.apply_updates(lanes.variables, updates),
                optimizer=optimizer,
                step=lanes.step + 1,
                moved=lanes.moved | moved,
                settled=settled,
                progress=progress,
            )
            result = _select(climbing & sound, advanced, lanes)
            result = result._replace(
                score=jnp.where(climbing, scores, lanes.score),
                alive=jnp.where(climbing, sound, lanes.alive),
            )
            return result, jnp.where(climbing, scores, jnp.nan)

        return step

    @functools.cached_property
    def images(self) -> Callable[..., Float[Array, "lane height width channel"]]:
        """Make the images of all lanes: `(lanes, parameterization) -> images` in [0, 1]."""

        @jax.jit
        def images(lanes: Lanes, parameterization: Parameterization) -> Array:
            return jax.vmap(parameterization.to_image)(lanes.variables)

        return images

    @functools.cached_property
    def pictures(self) -> Callable[..., UInt8[Array, "lane height width channel"]]:
        """Make the images of all lanes as bytes, on the device."""

        @jax.jit
        def pictures(lanes: Lanes, parameterization: Parameterization) -> Array:
            images = jax.vmap(parameterization.to_image)(lanes.variables)
            return jnp.round(jnp.clip(images, 0.0, 1.0) * 255.0).astype(jnp.uint8)

        return pictures

    def _scores(
        self, constants: Sequence[Array], variables: Any, lanes: Lanes, climb: Climb, key_implementation: str
    ) -> Float[Array, " lane"]:
        images = jax.vmap(climb.parameterization.to_image)(variables)

        def disturb(key_data: Array, step: Array, image: Array) -> Array:
            key = cast(Array, jax.random.wrap_key_data(key_data, impl=key_implementation))
            key = jax.random.fold_in(jax.random.fold_in(key, _STEP_STREAM), step)
            return climb.transform(key, image)

        disturbed = jax.vmap(disturb)(lanes.key, lanes.step, images)
        program = self.network.program
        known = dict(zip(self._fixed_values, constants, strict=True)) | {program.image_value: disturbed}
        computed = program.evaluate(known, self._wanted, lowering=self.lowering)
        values = dict(zip(self._wanted, computed, strict=True))
        activations = {
            target: self.network.read(values, layer, rectified=target.rectified) for target, layer in self.targets
        }

        def score(objective: Objective, activation: Mapping[Target, Array], image: Array) -> Array:
            return objective.score(activation, image)

        return jax.vmap(score)(climb.objectives, activations, images)


def begun(variables: Any, optimizer: Any, key: Array, last_step: Int[Array, " lane"]) -> Lanes:
    """Return lanes whose units have made no step."""
    no, yes = jnp.zeros_like(last_step, bool), jnp.ones_like(last_step, bool)
    unknown = jnp.full(last_step.shape, jnp.nan, jnp.float32)
    step = jnp.zeros_like(last_step)
    return Lanes(variables, optimizer, key, step, last_step, unknown, yes, no, no, no_progress(len(last_step)))


def _select(mask: Bool[Array, " lane"], chosen: Any, other: Any) -> Any:
    """Take whole lanes of one state where the mask is true, and of the other elsewhere."""

    def select(one: Array, two: Array) -> Array:
        return jnp.where(mask.reshape(-1, *[1] * (one.ndim - 1)), one, two)

    return jax.tree.map(select, chosen, other)


def _of_each_lane(tree: Any, test: Callable[[Array], Array], *, any_leaf: bool = False) -> Bool[Array, " lane"]:
    results = jnp.stack([jax.vmap(test)(leaf) for leaf in jax.tree.leaves(tree)])
    return results.any(0) if any_leaf else results.all(0)
