"""Checkpoints on the Hugging Face hub: files chosen, downloaded into its cache, and found there."""

from pathlib import Path

from lit_idim.errors import UserError
from lit_idim.series.checkpoint_folder import WEIGHTS_FILES, find_fault
from lit_idim.series.location import CheckpointUnavailableError
from lit_idim.series.vocabulary import holds_tokenizer

_TOKENIZER_PATTERNS = ("tokenizer*", "vocab.*", "merges.txt", "special_tokens_map.json", "added_tokens.json", "*.model")


def fetch_from_hub(
    repository: str, revision: str | None, *, step: int, series: str, offline: bool, with_tokenizer: bool
) -> Path:
    """The folder of the hub's cache that holds a checkpoint, downloaded if need be.

    Of the weights only one format is downloaded: safetensors where there is one, or else the file that transformers
    loads without unpickling code.

    Args:
        repository: on the hub.
        revision: branch, tag or commit; None for the main branch.
        step: for messages.
        series: its name, for messages.
        offline: never use the network.
        with_tokenizer: whether a cached checkpoint without tokenizer is worth asking the hub again.

    Raises:
        CheckpointUnavailableError: without a network, if it is not in the cache.
        UserError: if the repository or the revision does not exist, or holds no checkpoint.
    """
    from huggingface_hub import HfApi, snapshot_download

    checkpoint = f"step {step} of series {series!r} ({hub_address(repository, revision)})"
    cached = find_in_cache(repository, revision)
    # Another program may have cached the weights alone.
    if cached is not None and (offline or not with_tokenizer or holds_tokenizer(cached)):
        return cached
    if offline:
        raise CheckpointUnavailableError(
            f"{checkpoint} is not in the cache of the Hugging Face hub, and no network may be used; fetch it once "
            "without --offline"
        )
    try:
        names = HfApi().list_repo_files(repository, revision=revision)
        folder = Path(snapshot_download(repository, revision=revision, allow_patterns=_wanted(names)))
    except _errors() as error:
        if cached is not None:
            return cached
        raise _explained(error, checkpoint) from error
    fault = find_fault(folder)
    if fault:
        raise UserError(f"{checkpoint} is not a complete checkpoint: {fault}; the other steps stay usable")
    return folder


def find_in_cache(repository: str, revision: str | None) -> Path | None:
    """The folder of the hub's cache that holds the whole checkpoint; None if there is none. Uses no network.

    Raises:
        UserError: if no repository can have that name.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        path = try_to_load_from_cache(repository, "config.json", revision=revision)
    except HFValidationError as error:
        raise UserError(
            f"source.repository: {repository!r} cannot be the name of a repository on the Hugging Face hub ({error}); "
            "expected OWNER/NAME"
        ) from error
    if not isinstance(path, str):
        return None
    folder = Path(path).parent
    return folder if find_fault(folder) is None else None


def list_revisions(repository: str, *, series: str) -> list[str]:
    """Names of the branches and tags of a repository.

    Raises:
        CheckpointUnavailableError: without a network.
        UserError: if the repository does not exist.
    """
    from huggingface_hub import HfApi

    try:
        refs = HfApi().list_repo_refs(repository)
    except _errors() as error:
        raise _explained(error, f"the list of steps of series {series!r} (the revisions of {repository})") from error
    return [ref.name for ref in (*refs.branches, *refs.tags)]


def hub_address(repository: str, revision: str | None) -> str:
    """`repository@revision`."""
    return repository if revision is None else f"{repository}@{revision}"


def _wanted(names: list[str]) -> list[str]:
    """Patterns of the files to download: config, tokenizer, and the weights in the first format that is there."""
    weights = next((name for name in WEIGHTS_FILES if name in names), None)
    if weights is None:
        return ["config.json", *_TOKENIZER_PATTERNS]
    stem = weights.removesuffix(".index.json")
    stem, _, suffix = stem.rpartition(".")
    shards = [name for name in names if name.startswith(f"{stem}-") and name.endswith(f".{suffix}")]
    return ["config.json", *_TOKENIZER_PATTERNS, weights, *(shards if weights.endswith(".index.json") else [])]


def _errors() -> tuple[type[Exception], ...]:
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

    # The base class is that of every error of the HTTP client, whichever client this release of the hub uses.
    return (OSError, ValueError, EntryNotFoundError, HfHubHTTPError, HfHubHTTPError.__bases__[0])


def _explained(error: Exception, what: str) -> UserError:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    if isinstance(error, RevisionNotFoundError):
        return UserError(f"{what} does not exist: the repository has no such revision; the other steps stay usable")
    if isinstance(error, GatedRepoError):
        return UserError(f"{what} is gated: accept its licence on the hub and log in with `hf auth login`")
    if isinstance(error, RepositoryNotFoundError):
        return UserError(f"{what} does not exist: the hub has no such repository, or it is private")
    return CheckpointUnavailableError(
        f"{what} could not be had from the Hugging Face hub ({reason}); connect to the network once, or choose a "
        "series or steps that are cached (`lit-idim checkpoints list`)"
    )
