"""Forms that are the chinchilla form of an effective model size and of effective tokens."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, Form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from race_to_efficiency.arrays import Floats


class EffectiveForm(Form):
    """The chinchilla form, whose five parameters come first, of what a dense model on fresh data would take."""

    @property
    def terms(self) -> int:
        """Two power terms, as in the chinchilla form."""
        return CHINCHILLA.terms

    @abstractmethod
    def effective(self, theta: Floats, inputs: Sequence[Floats]) -> tuple[Floats, ...]:
        """Return the parameters and tokens that stand for the inputs, (..., n) each."""

    def log_loss(self, theta: Floats, inputs: Sequence[Floats]) -> Floats:
        """Return ln of the predicted loss, (..., n)."""
        return CHINCHILLA.log_loss(theta[..., :5], self.effective(theta, inputs))
