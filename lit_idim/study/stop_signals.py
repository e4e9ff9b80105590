"""SIGTERM, SIGUSR1 and Ctrl-C: raised at once, and noted, since a KeyboardInterrupt can get lost on its way.

Where several processes train together it is obeyed where all can. A process that leaves a training by itself lets the
others wait for its gradients until somebody kills them. So there a signal is only noted while others wait for this
process, and all of them stop at the same update, whichever it has reached.
"""

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
CHECK_EVERY_UPDATES = 5


class StopSignals:
    """What this process has been sent since it was made; it takes the signals over for the rest of the process.

    Args:
        interrupts: whether a signal is raised as KeyboardInterrupt outside of `noting`; elsewhere it is only noted. Of
            further ones none is: launchers send several, and the tables of the first are being written.
        insists: whether a further Ctrl-C is raised, too: of somebody at the keyboard of a process that is alone.

    Attributes:
        is_noted: whether there was one.

    Example:
        >>> before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
        >>> signals = StopSignals(interrupts=True)
        >>> with signals.noting():
        ...     signal.raise_signal(signal.SIGTERM)
        >>> signals.is_noted
        True
        >>> _ = [signal.signal(number, handler) for number, handler in before.items()]
    """

    def __init__(self, *, interrupts: bool, insists: bool = False) -> None:
        self.is_noted = False
        self._interrupts, self._insists = interrupts, insists
        for number in STOP_SIGNALS:
            signal.signal(number, self._note)

    @contextlib.contextmanager
    def noting(self) -> Iterator[None]:
        """While others wait for this process."""
        before, self._interrupts = self._interrupts, False
        try:
            yield
        finally:
            self._interrupts = before

    def _note(self, number: int, frame: FrameType | None) -> None:
        is_first, self.is_noted = not self.is_noted, True
        if self._interrupts and (is_first or (self._insists and number == signal.SIGINT)):
            raise KeyboardInterrupt


def obey_stop_signal() -> None:
    """Raises what a signal has raised before, if somebody else's code has swallowed it, as finalizers do.

    Raises:
        KeyboardInterrupt: if the `StopSignals` that hold in this process have noted one.
    """
    signals = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if isinstance(signals, StopSignals) and signals.is_noted:
        raise KeyboardInterrupt


class StoppedTogether(Exception):
    """All ranks have left a training after the same update."""


class StopTogether(Callback):
    """Ends a training on all ranks after the same update, once a signal has reached one of them.

    Args:
        is_asked_anywhere: tells whether any rank was sent one; all ranks call it together.
    """

    def __init__(self, is_asked_anywhere: Callable[[], bool]) -> None:
        self.is_asked_anywhere = is_asked_anywhere

    def setup(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:
        """Keeps Lightning's handler of SIGTERM out: it talks to the other ranks, who may be talking of gradients."""
        trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if (batch_idx + 1) % CHECK_EVERY_UPDATES == 0 and self.is_asked_anywhere():
            raise StoppedTogether
