"""A root folder with hardly anything in it, and programs that run in there: what a package doesn't bring is not there.

    root = CleanRoot(folder)
    root.add_libraries(*CleanRoot.GLIBC)
    (root.path / "data").mkdir()
    root.run("/thaw", "--version")

It needs root for its mounts, which are gone with the program that was started. The network is the machine's.
"""

import pathlib
import shutil
import subprocess

LOADER = pathlib.Path("/lib64/ld-linux-x86-64.so.2")
LIBRARIES = pathlib.Path("/lib/x86_64-linux-gnu")
# unshare(1) changes the root when the mounts are made: $0 the root, $1 the folder to be in, then the program.
ENTER = 'mount --bind /proc "$0/proc" && mount --bind /dev "$0/dev" && root="$0" && folder="$1" && shift && exec unshare --root="$root" --wd="$folder" "$@"'


class CleanRoot:
    GLIBC = ("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libresolv.so.2")
    CPLUSPLUS = ("libstdc++.so.6", "libgcc_s.so.1")

    def __init__(self, path: pathlib.Path):
        self.path = path
        for name in ("proc", "dev", "tmp", "etc"):
            (path / name).mkdir(parents=True)

    def add_libraries(self, *names: str) -> None:
        """The machine's loader and these libraries of its."""
        for source in (LOADER, *(LIBRARIES / name for name in names)):
            place = self.path / source.relative_to("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, place)
            place.chmod(0o755)

    def command(self, *command: str, folder: str = "/") -> list:
        """What to start on the machine so that `command` runs in here, in this folder."""
        return ["unshare", "--mount", "--", "sh", "-c", ENTER, str(self.path), folder, *command]

    def run(self, *command: str, folder: str = "/", environment: dict | None = None, timeout: float = 120) -> subprocess.CompletedProcess:
        return subprocess.run(self.command(*command, folder=folder), env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"} | (environment or {}),
                              text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout, check=False)
