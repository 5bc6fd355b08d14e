"""The unprivileged user that PostgreSQL and Redis run as when Walker is started by root."""

import os
import pwd
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from config.launcher.faults import StartError, plain

NAME = "walker"
_ACL = "system.posix_acl_access"
_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_NO_ID = 0xFFFFFFFF
_PASS_THROUGH = 1


@dataclass(frozen=True)
class ServiceUser:
    """A system user and its group."""

    name: str
    uid: int
    gid: int

    def own(self, path: Path) -> None:
        """Create a folder if it is missing and give it to the user."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chown(path, self.uid, self.gid)
        path.chmod(0o700)

    def own_file(self, path: Path) -> None:
        """Give the user a file that nobody else may read."""
        os.chown(path, self.uid, self.gid)
        path.chmod(0o600)

    def reach(self, path: Path) -> None:
        """Make sure that the user can reach the path.

        Opens closed parent folders for passing through, for this user only.
        """
        if self._can_reach(path):
            return
        for step in reversed(path.parents):
            if not step.stat().st_mode & 0o001 and step.stat().st_uid != self.uid:
                _let_pass(step, self.uid)
        if not self._can_reach(path):
            raise StartError(
                f"PostgreSQL refuses to run as root, and its user {self.name} cannot reach {path}. Put the checkout "
                "and --data in a folder that others may enter (such as /srv), start Walker as a normal user, "
                "or name a running PostgreSQL in DATABASE_URL."
            )

    def _can_reach(self, path: Path) -> bool:
        test = ["/bin/sh", "-c", 'test -r "$1" && test -x "$1"', "sh", str(path)]
        asked = subprocess.run(test, user=self.uid, group=self.gid, extra_groups=[], cwd="/", check=False)
        return asked.returncode == 0


def find_service_user() -> ServiceUser | None:
    """Return the user for embedded services: none for a normal user, who runs them directly."""
    if os.geteuid() != 0:
        return None
    for name in (NAME, "nobody"):
        if name == NAME and not _exists(name):
            _make(name)
        if _exists(name):
            found = pwd.getpwnam(name)
            return ServiceUser(name, found.pw_uid, found.pw_gid)
    raise StartError("PostgreSQL refuses to run as root, and no other user can be made. Start Walker as a normal user.")


def _exists(name: str) -> bool:
    try:
        return pwd.getpwnam(name).pw_uid != 0
    except KeyError:
        return False


def _make(name: str) -> None:
    tool = shutil.which("useradd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if tool is None:
        return
    options = "--system --user-group --no-create-home --home-dir /nonexistent -s /usr/sbin/nologin"
    made = subprocess.run([tool, *options.split(), name], capture_output=True, check=False)
    if made.returncode == 0:
        print(f"Made the system user {name}: PostgreSQL refuses to run as root.", flush=True)


def _let_pass(folder: Path, uid: int) -> None:
    """Let this user pass through the folder, without listing it.

    Written to its access list; nobody else gains anything.
    """
    try:
        current = os.getxattr(folder, _ACL)
        entries = [struct.unpack_from("<HHI", current, at) for at in range(4, len(current), 8)]
    except OSError:
        mode = folder.stat().st_mode
        rights = ((_USER_OBJ, mode >> 6), (_GROUP_OBJ, mode >> 3), (_OTHER, mode))
        entries = [(tag, bits & 7, _NO_ID) for tag, bits in rights]
    kept = [entry for entry in entries if entry[0] != _MASK and entry[::2] != (_USER, uid)]
    kept.append((_USER, _PASS_THROUGH, uid))
    mask = 0
    for tag, bits, _ in kept:
        mask |= bits if tag in (_USER, _GROUP_OBJ, _GROUP) else 0
    kept.append((_MASK, mask, _NO_ID))
    kept.sort(key=lambda entry: (entry[0], entry[2]))
    packed = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in kept)
    try:
        os.setxattr(folder, _ACL, packed)
    except OSError as problem:
        print(f"Cannot open {folder} for the service user: {plain(problem)}.", flush=True)
        return
    print(f"Let the user of PostgreSQL pass through {folder} (an access list entry for this user only).", flush=True)
