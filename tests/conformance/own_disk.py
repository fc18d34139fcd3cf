"""A server whose data folder is a disk of its own, which can lose its power and be full."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess

from conftest import Server
from processes import descendants


class OwnDisk:
    """An ext4 in a file, mounted. What was not synced is in the kernel's memory only, and a copy of the file has none of it.
    The file lies on a file system of its own, the shelf: where that is frozen, no write reaches the file any more, whatever sync it belongs to."""

    def __init__(self, folder, mib, beside=()):
        """`beside`: folders that are seen on it and lie elsewhere, where they lose nothing."""
        self.mount_point, self.copies, self.beside = pathlib.Path(folder) / "data", 0, beside
        self.memory, self.shelf = pathlib.Path(folder) / "memory", pathlib.Path(folder) / "shelf"
        for each in self.mount_point, self.memory, self.shelf:
            each.mkdir()
        # In memory, so that it is frozen without waiting for a real disk. Three have room on it: the one before may still be held by who is dying.
        subprocess.run(["mount", "-t", "tmpfs", "none", self.memory], check=True)
        self.format(self.memory / "shelf", 4 * mib)
        subprocess.run(["mount", "-o", "loop", self.memory / "shelf", self.shelf], check=True)
        self.image = self.shelf / "disk-0"
        self.format(self.image, mib)
        self.mount()

    @staticmethod
    def format(path, mib):
        with open(path, "wb") as image:
            image.truncate(mib << 20)
        subprocess.run(["/usr/sbin/mkfs.ext4", "-q", "-F", "-m", "0", path], check=True)

    def mount(self):
        subprocess.run(["mount", "-o", "loop", self.image, self.mount_point], check=True)
        for folder in self.beside:
            (self.mount_point / folder.name).mkdir(exist_ok=True)
            subprocess.run(["mount", "--bind", folder, self.mount_point / folder.name], check=True)

    def lose_power(self, stop=lambda: None, end_all=lambda: None):
        """Afterwards it holds what had reached it at one moment, which may lie in the middle of a sync. stop() is for those who could go on without it, end_all()
        ends all who use it."""
        self.copies += 1
        kept = self.memory / f"disk-{self.copies}"
        subprocess.run(["fsfreeze", "--freeze", self.shelf], check=True)
        try:
            stop()
            subprocess.run(["cp", "--sparse=always", self.image, kept], check=True)
        finally:
            subprocess.run(["fsfreeze", "--unfreeze", self.shelf], check=True)
        end_all()
        # What still holds it open is dying; it must not hold up the disk's next life.
        subprocess.run(["umount", "--lazy", self.mount_point], check=True)
        self.image.unlink()
        self.image = self.shelf / kept.name
        subprocess.run(["cp", "--sparse=always", kept, self.image], check=True)
        kept.unlink()
        self.mount()

    def remove(self):
        for each in self.mount_point, self.shelf, self.memory:
            subprocess.run(["umount", "--lazy", each], check=True)


class OwnDiskServer(Server):
    """fall() is a power cut."""

    def __init__(self, folder, mib, data):
        super().__init__(folder)
        large = [self.folder / name for name in ("layers", "runtime")] if data else []
        for part in large:
            subprocess.run(["cp", "-a", "--link", data / part.name, part], check=True)
        self.disk = OwnDisk(folder, mib, large)
        for part in data.iterdir() if data else []:
            if part.name not in ("layers", "runtime"):
                subprocess.run(["cp", "-a", part, self.disk.mount_point], check=True)
        subprocess.run(["sync", "-f", self.disk.mount_point], check=True)

    def fall(self):
        self.disk.lose_power(lambda: self.process.send_signal(signal.SIGSTOP), self.end_all)

    def end_all(self):
        """Its containers and who looks after them lose their power as well. What they hold in common with its next life, by the folder's name, that has."""
        all_of_it = descendants(self.process.pid)
        for pid in all_of_it:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        super().fall()
        for pid in all_of_it:
            while pathlib.Path(f"/proc/{pid}").exists():
                os.sched_yield()

    @contextlib.contextmanager
    def full(self, but_mib=0):
        """Within it the disk takes nothing more, or no more than this."""
        ballast = self.disk.mount_point / "ballast"
        with open(ballast, "wb") as file:
            size = max(0, shutil.disk_usage(self.disk.mount_point).free - (but_mib << 20))
            while size >= 4096:
                try:
                    os.posix_fallocate(file.fileno(), file.tell(), size)
                    file.seek(size, os.SEEK_CUR)
                except OSError:
                    size //= 2
                if but_mib:
                    break
        try:
            yield
        finally:
            ballast.unlink()
            root = os.open(self.disk.mount_point, os.O_RDONLY)
            os.fsync(root)  # a disk that loses its power would have it again
            os.close(root)


@contextlib.contextmanager
def own_disk_server(folder, mib, *options, data=None):
    """`data`: another server's, with which it begins. Layers of images and packages stay off the disk."""
    server = OwnDiskServer(folder, mib, data)
    try:
        yield server.start(*options)
    finally:
        server.stop()
        server.disk.remove()
