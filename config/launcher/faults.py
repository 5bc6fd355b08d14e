"""The one error of the launcher: a sentence for the person at the terminal."""

import errno

_PLAIN = {
    errno.ENOSPC: "the disk is full",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "no permission to write there",
    errno.EPERM: "no permission to write there",
    errno.EDQUOT: "the disk quota is used up",
    errno.ENOTDIR: "part of the path is a file",
    errno.ENOENT: "no folder can be made there",
    errno.EEXIST: "a file is in the way",
}


class StartError(Exception):
    """Something outside Walker stands in the way; the text says what, and what to do."""


def plain(problem: OSError) -> str:
    """Say an operating system's error in plain words."""
    return _PLAIN.get(problem.errno or 0, problem.strerror or str(problem))
