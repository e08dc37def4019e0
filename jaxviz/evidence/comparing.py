"""Compare what a judge sees in pictures with what it sees in real images, by its features."""

from typing import Any

import numpy as np
from jaxtyping import Float

_TIE = 0.5


def plausibility(pictures: Any, real: Any) -> Float[np.ndarray, " picture"]:
    """Say how near each picture is to the nearest real image, where 1 is as near as real images are to each other.

    The distance of the picture to its nearest real image, over the mean distance of real images to their nearest
    other: Euclidean distances between a judge's features, all brought to length one. Lower is better; much below 1 is
    a copy of a real image.

    The published score does not bring features to length one. We do, because noise then no longer wins: it excites a
    judge little, its features are short, and what is short is near to everything (uniform noise of 128 pixels, judged
    by GoogLeNet: 0.92 as published, nearer to photographs than they are to each other; 1.07 here).

    Args:
        pictures: Features `[picture, feature]` of the pictures, from `features`.
        real: Features `[image, feature]` of real images, from the same judge and layer: a hundred or more.

    Raises:
        ValueError: The widths differ, or there are fewer than two real images or they are all the same.

    References:
        T. Fel et al.: Unlocking Feature Visualization for Deeper Networks with MAgnitude Constrained Optimization.
        NeurIPS 2023, arXiv:2306.06805 (its plausibility score, changed as said).

    Example:
        >>> from jaxviz.evidence import plausibility
        >>> real = np.array([[2.0, 0.0], [0.0, 3.0], [0.0, 4.0]])
        >>> plausibility(np.array([[0.0, 1.0], [-1.0, 0.0]]), real).round(2).tolist()
        [0.0, 3.0]
    """
    real, pictures = np.asarray(real, float), np.asarray(pictures, float)
    if len(real) < 2 or real.ndim != 2 or not len(pictures) or pictures.ndim != 2 or real.shape[1] != pictures.shape[1]:
        raise ValueError(
            f"pictures have features of shape {list(pictures.shape)} and real images of {list(real.shape)}; give "
            "[picture, feature] and [image, feature], both from the same layer, a picture and at least two real images."
        )
    real, pictures = _unit_length(real), _unit_length(pictures)
    among = _distances(real, real)
    np.fill_diagonal(among, np.inf)
    usual = among.min(1).mean()
    if usual == 0:
        raise ValueError("The real images all have the same features, so there is nothing to compare with.")
    return _distances(pictures, real).min(1) / usual


def similarity(
    pictures: Any,
) -> Float[np.ndarray, " unit"]:
    """Return for each unit the mean cosine between the features of its pictures from different seeds.

    1 says that every seed shows the judge the same thing. It is a matter of taste how much that is worth: a unit that
    looks for several things has several good pictures. Compare it with what pictures of different units give.

    Args:
        pictures: Features `[unit, seed, feature]` of two or more pictures for every unit.

    Example:
        >>> from jaxviz.evidence import similarity
        >>> similarity(np.array([[[1.0, 0.0], [2.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]])).tolist()
        [1.0, 0.0]
    """
    array = np.asarray(pictures, float)
    if array.ndim != 3 or array.shape[1] < 2:
        raise ValueError(
            f"pictures have features of shape {list(array.shape)}; give [unit, seed, feature], 2 seeds up."
        )
    directions = _unit_length(array)
    cosines = np.einsum("usf,utf->ust", directions, directions)
    seeds = array.shape[1]
    return (cosines.sum((1, 2)) - np.einsum("uss->u", cosines)) / (seeds * (seeds - 1))


def forced_choice(
    references: Any,
    candidates: Any,
    candidate_scores: Any,
    *,
    extreme_share: float = 0.1,
) -> Float[np.ndarray, " unit"]:
    """Say how often pictures tell which of two real images excites a unit more: a test for people, taken by a judge.

    For each unit all pairs are shown of an image that excites it most and one that excites it least. The judge points
    at the one whose features have the greater cosine with those of the unit's references. 0.5 is chance. Give real
    images as references for an anchor.

    Args:
        references: Features `[unit, reference, feature]` of each unit's pictures, one or more.
        candidates: Features `[image, feature]` of real images that are not among the references.
        candidate_scores: `[unit, image]`, how much each real image excites each unit, from `scores`.
        extreme_share: Share of the images that are called most and least exciting.

    Returns:
        For each unit the share of pairs that are answered right; a tie counts half. NaN for a unit that all candidates
        excite alike.

    Raises:
        ValueError: The shapes do not fit, there are not two candidates, or a score is not finite.

    References:
        J. Borowski et al.: Exemplary Natural Images Explain CNN Activations Better than State-of-the-Art Feature
        Visualization. ICLR 2021, arXiv:2010.12606 (the test with people: 0.82 for pictures, 0.92 for real images).

    Example:
        >>> from jaxviz.evidence import forced_choice
        >>> candidates = np.array([[1.0, 0.1], [0.9, 0.2], [0.2, 0.9], [0.1, 1.0]])
        >>> references = np.array([[[1.0, 0.0]]])
        >>> forced_choice(references, candidates, np.array([[4.0, 3.0, 2.0, 1.0]]), extreme_share=0.5).tolist()
        [1.0]
    """
    references, candidates = np.asarray(references, float), np.asarray(candidates, float)
    scores = np.asarray(candidate_scores, float)
    if references.ndim != 3 or scores.shape != (len(references), len(candidates)) or len(candidates) < 2:
        raise ValueError(
            f"references have shape {list(references.shape)}, candidates {list(candidates.shape)}, their scores "
            f"{list(scores.shape)}; give [unit, reference, feature], [image, feature] and [unit, image], two images up."
        )
    if not np.isfinite(scores).all():
        raise ValueError("A score of the candidates is not finite, so they cannot be put in order.")
    if not 0 < extreme_share <= 0.5:
        raise ValueError(f"extreme_share is {extreme_share}; it must be above 0 and at most 0.5.")
    ranked = np.argsort(scores, axis=1, kind="stable")
    count = max(1, int(extreme_share * len(candidates)))
    cosines = _unit_length(references).mean(1) @ _unit_length(candidates).T
    least = np.take_along_axis(cosines, ranked[:, :count], axis=1)[:, None, :]
    most = np.take_along_axis(cosines, ranked[:, -count:], axis=1)[:, :, None]
    right = np.where(np.isnan(most - least), np.nan, (most > least) + _TIE * (most == least)).mean((1, 2))
    return np.where(np.ptp(scores, axis=1) > 0, right, np.nan)


def _distances(one: np.ndarray[Any, Any], two: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    # Row by row: the difference itself, since the binomial formula loses what makes near images differ.
    return np.stack([np.sqrt(((row - two) ** 2).sum(1)) for row in one])


def _unit_length(vectors: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths != 0)  # undefined ones stay so
