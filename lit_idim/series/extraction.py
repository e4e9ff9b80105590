"""Extraction of a tar that is not trusted."""

import tarfile
from pathlib import Path, PurePosixPath

from lit_idim.errors import UserError


def extract_checkpoint(archive: Path, folder: Path, *, checkpoint: str) -> None:
    """Extracts a tar of plain files and folders, and refuses it as a whole if a member is anything else.

    Args:
        archive: plain or compressed.
        folder: to extract into; existing and empty.
        checkpoint: names step and series in errors.

    Raises:
        UserError: if a member is a link or a device or would lie outside the folder, or the archive is damaged.
    """
    if not hasattr(tarfile, "data_filter"):
        raise UserError("archives are extracted safely from Python 3.10.12 or 3.11.4 on: update Python")
    try:
        with tarfile.open(archive) as tar:
            members = tar.getmembers()
            for member in members:
                fault = _fault_of_member(member)
                if fault:
                    raise UserError(
                        f"{checkpoint}: its archive has a member {member.name!r} that {fault}; it is refused and "
                        "removed; the other steps stay usable"
                    )
            tar.extractall(folder, members=members, filter="data")
    except (tarfile.TarError, EOFError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"{checkpoint}: its archive is truncated or damaged ({error}); it is removed: run again to download it anew"
        ) from error


def _fault_of_member(member: tarfile.TarInfo) -> str | None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        return "would lie outside its folder"
    # A checkpoint needs no links, and through one a later member could be written elsewhere.
    if member.issym() or member.islnk():
        return f"is a link to {member.linkname!r}"
    if not (member.isreg() or member.isdir()):
        return "is neither file nor folder"
    return None
