"""Which trainings a certificate of a cell is made of."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from lit_idim.certificate import CertificateSettings
from lit_idim.d90 import TrainingId
from lit_idim.ledger import TrainingRecord
from lit_idim.study.cell import PreparedCell
from lit_idim.study.d90_row import D90Row

# Raised by every change of what a certificate is made from or holds.
CERTIFICATE_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class AskedCertificate:
    """A subspace to be certified, and full fine-tuning to stand beside it.

    Attributes:
        cell: of the study.
        training: in the subspace.
        full: in full.
        certificates: how it is made.
    """

    cell: PreparedCell
    training: TrainingId
    full: TrainingId
    certificates: CertificateSettings

    @property
    def key(self) -> str:
        """Hash of everything that decides the numbers."""
        identity = {
            "version": CERTIFICATE_VERSION,
            "training": self.cell.key(self.training),
            "full": self.cell.key(self.full),
            "certificates": asdict(self.certificates),
        }
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:32]


def asked_certificate(
    row: D90Row,
    records: Sequence[TrainingRecord],
    cell: PreparedCell,
    certificates: CertificateSettings,
    d: int | None = None,
) -> AskedCertificate:
    """The certificate of a cell: d90, rounded up, and full fine-tuning, each at its best rung of the ladder.

    Args:
        row: of `d90.csv`; the rung is that of the first target of the search.
        records: of the study.
        cell: prepared.
        certificates: how it is made.
        d: trained numbers; those of d90 if None.
    """
    mine = [
        record
        for record in records
        if (record.model, record.checkpoint, record.task) == (row.model, row.checkpoint, row.task)
    ]
    if d is None:
        assert row.d90 is not None
        d = math.ceil(row.d90)
    subspaces = [
        record for record in mine if record.method == row.method and record.learning_rate == row.learning_rate_best
    ]
    # One rate is the rung k of one d and the rung k + 1 of another: that of the d nearest to d90 is meant.
    middle = math.log(row.d90 or d)
    rung = min(subspaces, key=lambda record: abs(math.log(record.d or 1) - middle), default=None)
    in_full = next((one for one in mine if (one.method, one.learning_rate) == ("full", row.full_learning_rate)), None)
    return AskedCertificate(
        cell=cell,
        # Where no subspace was trained the rule's own rate stands in.
        training=TrainingId(d, 0 if rung is None else rung.rate, 0),
        full=TrainingId(None, 0 if in_full is None else in_full.rate, 0),
        certificates=certificates,
    )
