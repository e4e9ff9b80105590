"""Extraction of a tar that is not trusted."""

import errno
import lzma
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from lit_idim.errors import UserError

_DAMAGED = (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError, zlib.error, lzma.LZMAError)
# A member stands where another one does, or has a name that no file can have; not a disk that is full.
_OF_NAMES = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)


def extract_checkpoint(archive: Path, folder: Path, *, checkpoint: str) -> None:
    """Extracts a tar of plain files and folders, and refuses it as a whole if a member is anything else.

    Args:
        archive: plain or compressed.
        folder: to extract into; existing and empty.
        checkpoint: names step and series in errors.

    Raises:
        UserError: if a member is a link or a device or would lie outside the folder, the archive is damaged, or the
            disk has no room for it.
        OSError: if the folder cannot be written.
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
            num_bytes, num_free = sum(member.size for member in members), shutil.disk_usage(folder).free
            if num_bytes > num_free:
                raise UserError(
                    f"{checkpoint}: its archive holds {num_bytes:,} bytes, the disk of {folder} has {num_free:,} left; "
                    "free some space, or set LIT_IDIM_CACHE to a folder that has it"
                )
            tar.extractall(folder, members=members, filter="data")
    except UserError:
        raise
    except (*_DAMAGED, OSError) as error:
        # tarfile and the decompressors raise OSError without a number, too.
        if isinstance(error, OSError) and error.errno is not None and error.errno not in _OF_NAMES:
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
