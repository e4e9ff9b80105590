"""Series of pretraining checkpoints: what they are, where they come from, whether they are whole.

`verify_series` and `convert_series` are imported from their modules: they need torch, listing series does not.
"""

from lit_idim.series.fairseq.source import FairseqSource
from lit_idim.series.fairseq2 import Fairseq2Source
from lit_idim.series.folder import FolderSource
from lit_idim.series.hub_repository import HubRepositorySource
from lit_idim.series.hub_revision import HubRevisionSource
from lit_idim.series.location import CheckpointLocation, CheckpointUnavailableError
from lit_idim.series.registry import load_series, registered_series
from lit_idim.series.series import Series
from lit_idim.series.single import single_model
from lit_idim.series.source import Source
from lit_idim.series.tar import TarSource
from lit_idim.series.writing import write_series

__all__ = [
    "CheckpointLocation",
    "CheckpointUnavailableError",
    "Fairseq2Source",
    "FairseqSource",
    "FolderSource",
    "HubRepositorySource",
    "HubRevisionSource",
    "Series",
    "Source",
    "TarSource",
    "load_series",
    "registered_series",
    "single_model",
    "write_series",
]
