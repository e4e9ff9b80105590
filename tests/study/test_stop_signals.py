"""A signal to stop is obeyed even where its KeyboardInterrupt gets lost."""

import contextlib
import signal
from pathlib import Path

import pytest

from lit_idim.study.stop_signals import StopSignals, obey_stop_signal

from .simulated import SimulatedTrainings, open_driver, settings_of


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_what_was_swallowed_is_raised_again(stop_signals: object, number: signal.Signals) -> None:
    StopSignals(interrupts=True)
    obey_stop_signal()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    with pytest.raises(KeyboardInterrupt):
        obey_stop_signal()


@pytest.mark.parametrize("insists", [True, False])
def test_of_further_signals_only_an_insisting_ctrl_c_interrupts(stop_signals: object, insists: bool) -> None:
    StopSignals(interrupts=True, insists=insists)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)  # the tables are being written
    with pytest.raises(KeyboardInterrupt) if insists else contextlib.nullcontext():
        signal.raise_signal(signal.SIGINT)


def test_nothing_is_obeyed_where_nobody_listens(stop_signals: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    obey_stop_signal()


def test_a_driver_stops_before_the_next_training(stop_signals: object, tmp_path: Path) -> None:
    def swallow(number: int) -> None:
        if number == 3:
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)

    StopSignals(interrupts=True)
    settings = settings_of()
    trainings = SimulatedTrainings(settings, before=swallow)
    with open_driver(settings, tmp_path, trainings) as driver:
        with pytest.raises(KeyboardInterrupt):
            driver.run()
        assert len(trainings.requests) == len(driver.ledger.records()) == 3
