"""Against the published files, where they lie beside the repository."""

from pathlib import Path

import pytest

from lit_idim.data.sources import load_examples
from lit_idim.tasks import get_task

GLUE = Path(__file__).resolve().parents[3] / "shared" / "glue"

pytestmark = pytest.mark.skipif(not GLUE.is_dir(), reason="the GLUE files are not at ../shared/glue")

# (task, train rows, dev rows, share of the most frequent dev class)
COUNTS = [
    ("sst2", 67349, 872, 0.5092),
    ("mrpc", 3668, 408, 0.6838),
    ("stsb", 5749, 1500, None),
    ("wnli", 635, 71, 0.5634),
    ("qnli", 12997, 5463, 0.5054),
    ("qqp", 12104, 7599, 0.6410),
    ("mnli", 16187, 9815, 0.3545),
]


@pytest.mark.parametrize(("task", "num_train", "num_dev", "majority"), COUNTS, ids=[row[0] for row in COUNTS])
def test_row_counts_and_labels(task, num_train, num_dev, majority) -> None:
    train, dev = (load_examples(get_task(task), split, str(GLUE)) for split in ("train", "dev"))
    assert (len(train), len(dev)) == (num_train, num_dev)
    for examples in (train, dev):
        assert examples.labels is not None
        assert all(text.strip() for texts in (examples.first, examples.second) if texts for text in texts)
        assert not any("\t" in text or "\n" in text or "\ufeff" in text for text in examples.first)
    if majority is not None:
        assert max((dev.labels == label).mean() for label in set(dev.labels)) == pytest.approx(majority, abs=5e-5)
    else:
        assert 0 <= dev.labels.min() < dev.labels.max() <= 5
