"""The ledger of a study: one row for every training that was ever run."""

from lit_idim.ledger.claims import Claim
from lit_idim.ledger.failures import LedgerError
from lit_idim.ledger.ledger import Ledger
from lit_idim.ledger.owner import Owner
from lit_idim.ledger.record import TrainingRecord, TrainingStatus

__all__ = ["Claim", "Ledger", "LedgerError", "Owner", "TrainingRecord", "TrainingStatus"]
