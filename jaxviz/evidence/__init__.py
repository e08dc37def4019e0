"""Evidence: which picture to believe, told by real data and by a second network.

Three kinds of question, each with functions that work on any model and any images:

- `scores`, `against_data`, `robustness`: does the picture excite its own unit, untouched and disturbed, as much as
  real images do?
- `transfer`, `features`, `plausibility`, `similarity`, `forced_choice`: what does a second network, the judge, see?
- `spectrum_error`, `high_frequency_energy`, `radial_spectrum`: has the picture the frequencies of photographs?

`docs/quality.md` says what they find about the default settings. High scores of the climbed network alone are worth
nothing: patterns that no one else recognizes have them too.
"""

from jaxviz.evidence.comparing import forced_choice, plausibility, similarity
from jaxviz.evidence.judging import Transfer, features, fitted, penultimate, transfer
from jaxviz.evidence.scoring import AgainstData, against_data, robustness, scores
from jaxviz.evidence.spectrum import high_frequency_energy, radial_spectrum, spectrum_error

__all__ = [
    "AgainstData",
    "Transfer",
    "against_data",
    "features",
    "fitted",
    "forced_choice",
    "high_frequency_energy",
    "penultimate",
    "plausibility",
    "radial_spectrum",
    "robustness",
    "scores",
    "similarity",
    "spectrum_error",
    "transfer",
]
