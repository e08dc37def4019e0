"""Gradient rules: how gradients pass some operations of a network, in place of their own derivatives.

The values that the network computes do not change. Several rules are a tuple; where two act on one operation, the
later one is given what the earlier one made.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from jaxviz.gradient_rules.base import GradientRule, Place
from jaxviz.gradient_rules.rectifiers import RedirectedRelu, redirected_relu
from jaxviz.gradient_rules.smoothing import LinearSoftmax, SmoothedMaxPool, linear_softmax, smoothed_max_pool

__all__ = [
    "ChosenRules",
    "GradientRule",
    "LinearSoftmax",
    "Place",
    "RedirectedRelu",
    "SmoothedMaxPool",
    "chosen",
    "from_json",
    "linear_softmax",
    "redirected_relu",
    "smoothed_max_pool",
]

ChosenRules: TypeAlias = GradientRule | str | Iterable[GradientRule | str] | None
"""What a user may give: a rule, the name of one, or several of these."""

_FACTORIES: dict[str, Callable[..., GradientRule]] = {
    "linear_softmax": linear_softmax,
    "redirected_relu": redirected_relu,
    "smoothed_max_pool": smoothed_max_pool,
}


def chosen(rules: ChosenRules) -> tuple[GradientRule, ...]:
    """Return the rules that a user has chosen: one or several, each a rule or the name of one.

    Raises:
        TypeError: Something in it is no rule.
        ValueError: A name is unknown, and the message gives the closest; or a rule is there twice.

    Example:
        >>> chosen("redirected_relu")
        (redirected_relu(steps=16),)
        >>> chosen(["redirected_rely"])
        Traceback (most recent call last):
        ...
        ValueError: Unknown gradient rule 'redirected_rely'. Did you mean 'redirected_relu'?
    """
    listed = [rules] if isinstance(rules, GradientRule | str) else list(rules or ())
    made = tuple(_rule(rule) for rule in listed)
    kinds = [rule.kind for rule in made]
    for kind in kinds:
        if kinds.count(kind) > 1:
            raise ValueError(f"The gradient rule {kind} is given {kinds.count(kind)} times; give it once.")
    return made


def from_json(record: Mapping[str, Any]) -> GradientRule:
    """Make the rule that `GradientRule.to_json` described.

    Args:
        record: `kind` names a factory of this module and the rest are its arguments.

    Raises:
        ValueError: the record describes no rule.

    Example:
        >>> from_json({"kind": "smoothed_max_pool", "squared": True})
        smoothed_max_pool(squared=True, epsilon=0.01)
    """
    arguments = dict(record)
    kind = arguments.pop("kind", None)
    if kind not in _FACTORIES:
        raise ValueError(_unknown(str(kind)))
    try:
        return _FACTORIES[kind](**arguments)
    except TypeError as error:
        raise ValueError(f"This record of kind {kind!r} describes no gradient rule: {error}.") from error


def _rule(rule: Any) -> GradientRule:
    if isinstance(rule, GradientRule):
        return rule
    if not isinstance(rule, str):
        raise TypeError(f"{rule!r} is no gradient rule; give one such as jaxviz.gradient_rules.redirected_relu().")
    if rule not in _FACTORIES:
        raise ValueError(_unknown(rule))
    return _FACTORIES[rule]()


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, _FACTORIES, n=1, cutoff=0.5)
    advice = f"Did you mean '{close[0]}'?" if close else f"There are: {', '.join(_FACTORIES)}."
    return f"Unknown gradient rule '{name}'. {advice}"
