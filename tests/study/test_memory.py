import pytest

from lit_idim.errors import UserError
from lit_idim.study import memory
from lit_idim.study.memory import require_memory, total_memory


def test_what_cannot_fit_is_refused_with_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(memory, "total_memory", lambda: 24 * 2**30)
    require_memory(124_647_170, model="roberta-base")
    with pytest.raises(
        UserError, match=r"pythia-12b: .* of 11,846,072,320 parameters needs at least 220\.7 GiB \(main"
    ):
        require_memory(11_846_072_320, model="pythia-12b")


def test_where_the_system_does_not_tell_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "total_memory", lambda: None)
    require_memory(10**15, model="huge")


def test_this_machine_has_memory() -> None:
    total = total_memory()
    assert total is not None and total > 2**28
