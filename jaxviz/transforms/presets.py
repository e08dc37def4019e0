"""The published sets of transforms, with their numbers and their discrete distributions.

What differs from every source below: lengths, angles and factors are drawn for each image and not once for a
batch; the canvas has one size, about whose centre the image is scaled; and the whole set is one
interpolation, so nothing is cut off between its parts.
"""

from jaxviz.transforms.canvas import Fill, crop, jitter, pad
from jaxviz.transforms.composition import Compose, compose
from jaxviz.transforms.gains import gains
from jaxviz.transforms.geometric import rotate, scale, shift
from jaxviz.transforms.noise import noise as gaussian_noise


def lucid() -> Compose:
    """Return the transforms that lucid applies by default, `standard_transforms` in its code.

    A border of 12 pixels of grey 0.5; a crop by 8; a factor of 0.9, 0.92, ..., 1.1; an angle of -10, -9,
    ..., 10 degrees, where 0 is six times as likely as any other; a crop by 4. The result is larger than the
    image by 12 pixels. How the sources differ:

    - The docstring of lucid's `render_vis` says that `jitter(8)` is the default; its code uses the above. The
      article that lucid accompanies used yet other numbers: see `distill_2017`.
    - lucid's scaling changes the size of the canvas, rounded down to whole pixels, and starts from its top
      left corner; here the canvas stays and its centre too. Where the image lies is random either way, by
      the crops.
    - lucid rotates without interpolation (its library's default: the nearest pixel), takes 3.14 for pi, and
      fills the corners that a rotation opens with black; here they are grey, as the border is.

    References:
        lucid 0.3.10, `lucid/optvis/transform.py` (Apache-2.0).

    Example:
        >>> lucid().output_size(128, 96)
        (140, 108)
    """
    return compose(
        pad(12, fill=0.5),
        jitter(8),
        scale(choices=[1 + (step - 5) / 50 for step in range(11)]),
        rotate(choices=[*range(-10, 11), *[0] * 5]),
        jitter(4),
    )


def lucid_noise() -> Compose:
    """Return lucid's transforms followed by Gaussian noise of standard deviation 0.1.

    No system ships this. With `lucid` alone the class pictures of EfficientNet-Lite0 are speckled and convince no
    other network; with this noise they are clearer and the top five of another network name 0.25 of the classes
    instead of 0.03 (16 and 40 classes, 128 pixels, 256 steps: what was measured before jaxviz was written).

    Example:
        >>> lucid_noise().output_size(128, 96)
        (140, 108)
    """
    return compose(lucid(), gaussian_noise(0.1))


def ranges(
    *,
    max_shift_pixels: float = 6.0,
    scale_range: float = 0.1,
    max_degrees: float = 10.0,
    noise: float = 0.0,
    gain_range: float = 0.0,
    border_pixels: int = 6,
    fill: Fill = "data",
) -> Compose:
    """Return one set of transforms in which every strength is a number, so that moving one compiles nothing.

    A border, an even shift, an even magnification about the centre, an even rotation, Gaussian noise, gains. The
    defaults are the ranges of `lucid`, drawn evenly, on a canvas of the same size. The explorer climbs with this.

    Args:
        max_shift_pixels: Greatest shift, each way, in pixels.
        scale_range: The factor is drawn from 1 minus this to 1 plus this.
        max_degrees: Greatest rotation, each way, in degrees.
        noise: Standard deviation of the noise.
        gain_range: The network's channels have random gains from 1 minus this to 1 plus this, as in `gains`.
        border_pixels: Width of the border; the result is larger than the image by twice as much.
        fill: What is outside of the image, as in `pad`: the mean of the model's data, or grey 0.5 without any.

    Raises:
        ValueError: A number is negative or not finite, or `scale_range` is 1 or more.

    Example:
        >>> ranges(max_degrees=20).output_size(128, 96)
        (140, 108)
    """
    return compose(
        pad(border_pixels, fill=fill),
        shift(max_shift_pixels),
        scale(1.0 - scale_range, 1.0 + scale_range),
        rotate(max_degrees),
        gaussian_noise(noise),
        gains(gain_range),
    )


def distill_2017() -> Compose:
    """Return the transforms that the article "Feature Visualization" states.

    A border of 16 pixels; a crop by 16; a factor of 0.95, 0.975, 1, 1.025 or 1.05; an angle of -5, -4, ..., 5
    degrees; a crop by 8; and the rest of the border cut off. The result has the image's size. How the sources
    differ:

    - The article says "jittering by up to 16 pixels" and not how; this is lucid's `jitter`, a crop at a
      random place. With both crops 8 of the border's 32 pixels are left, so cutting off the border takes 4
      from every side.
    - The article does not say what fills the border; 0.5 is what lucid uses.
    - The code that lucid ships has other numbers: see `lucid`. What is said there of scaling and of the
      corners holds here too.

    References:
        C. Olah, A. Mordvintsev, L. Schubert: Feature Visualization. Distill, 2017. doi:10.23915/distill.00007

    Example:
        >>> distill_2017().output_size(128, 96)
        (128, 96)
    """
    return compose(
        pad(16, fill=0.5),
        jitter(16),
        scale(choices=[1, 0.975, 1.025, 0.95, 1.05]),
        rotate(choices=range(-5, 6)),
        jitter(8),
        crop(4),
    )
