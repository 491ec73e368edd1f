"""When a fit has diverged, and what its user can do."""

from __future__ import annotations

# A fit has diverged when it is this many times worse than weights of zero, which know nothing: over a whole epoch, and
# within one segment, where a few odd rows may do it.
EPOCH_LIMIT = 10.0
SEGMENT_LIMIT = 100.0
# Of fewer rows a single odd one may do it, and they count as so many of which the others have no loss.
_TELLING_ROWS = 256


class DivergenceError(ArithmeticError):
    """The loss of a fit went to infinity or far above where it began."""


def check_divergence(
    loss: float, n_rows: int, finite: bool, *, limit: float, zero_loss: float, rate: float, halvings: int | None,
    standardized: bool,
) -> None:  # fmt: skip
    """Raise `DivergenceError` where a mean loss over `n_rows` rows, or the weights after them, say so.

    Parameters
    ----------
    loss, n_rows
        The mean loss, of before each step, and the rows it is over.
    finite : bool
        Whether the weights are, after the last step: its harm shows in them alone.
    limit : float
        `EPOCH_LIMIT` or `SEGMENT_LIMIT`.
    zero_loss : float
        The loss of weights of zero.
    rate : float
        The learning rate, for the message.
    halvings : int or None
        How often an automatic rate was halved; None where the rate was given.
    standardized : bool
        Whether the fit standardises columns.
    """
    limit *= max(1.0, _TELLING_ROWS / n_rows)
    if loss <= limit * zero_loss and finite:
        return
    # What would follow the scale of the features, as far as it is not done.
    ways = ["eta0='auto'"] if halvings is None else []
    ways += [] if standardized else ["standardize=True"]
    tried = "" if halvings is None else f", halved {halvings} times"
    cure = "rows clipped where some are far longer than others"
    if ways:
        cure = f"{' with '.join(ways)}, to follow the scale of the features"
    raise DivergenceError(
        f"the fit diverged: the loss went to {loss:.4g}, where weights of zero have {zero_loss:.4g}, at the learning "
        f"rate {rate:.3g}{tried}; wanted is a smaller eta0, or {cure}"
    )
