import mmap
from pathlib import Path

import pytest

from lit_idim.cost.shared_memory import MAP, resident_mebibytes, resident_of_each
from tests.training.tiny_encoder import write_tiny_encoder

pytestmark = pytest.mark.skipif(not MAP.exists(), reason="only Linux tells how much memory processes share")


def test_what_a_process_has_resident_grows_by_what_it_touches() -> None:
    rss, pss = resident_mebibytes()
    with mmap.mmap(-1, 64 * 2**20) as pages:  # fresh ones, where an allocator may hand out what it has resident already
        for page in range(0, len(pages), mmap.PAGESIZE):
            pages[page] = 1
        more_rss, more_pss = resident_mebibytes()
    assert more_rss - rss == pytest.approx(64, abs=8) and more_pss - pss == pytest.approx(64, abs=8)
    assert pss <= rss


def test_each_process_tells_of_itself(tmp_path: Path) -> None:
    model = write_tiny_encoder(tmp_path, layers=1)
    found = resident_of_each(model, processes=1, is_frozen=True)
    assert len(found) == 1 and 50 < found[0][1] <= found[0][0]  # MiB; torch alone is more
