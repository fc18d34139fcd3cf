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
    """An ext4 in a file, mounted. What was not synced is in the kernel's memory only, and a copy of the file has none of it."""

    def __init__(self, folder, mib, beside=()):
        """`beside`: folders that are seen on it and lie elsewhere, where they lose nothing."""
        self.folder, self.mount_point, self.copies, self.beside = pathlib.Path(folder), pathlib.Path(folder) / "data", 0, beside
        self.mount_point.mkdir()
        self.image = self.folder / "disk-0"
        with open(self.image, "wb") as image:
            image.truncate(mib << 20)
        subprocess.run(["/usr/sbin/mkfs.ext4", "-q", "-F", "-m", "0", self.image], check=True)
        self.mount()

    def mount(self):
        subprocess.run(["mount", "-o", "loop", self.image, self.mount_point], check=True)
        for folder in self.beside:
            (self.mount_point / folder.name).mkdir(exist_ok=True)
            subprocess.run(["mount", "--bind", folder, self.mount_point / folder.name], check=True)
        source = subprocess.run(["findmnt", "-n", "-o", "SOURCE", self.mount_point], check=True, capture_output=True, text=True).stdout
        self.counters = pathlib.Path("/sys/block", pathlib.Path(source.strip()).name, "stat")

    def writes(self):
        """How many writes the disk has done, and how many it is at."""
        fields = self.counters.read_text().split()
        return fields[4], fields[8]

    def copy(self):
        """The disk as it is at one moment: nobody wrote to it while it was copied."""
        self.copies += 1
        copy = self.folder / f"disk-{self.copies}"
        for _ in range(50):
            before = self.writes()
            subprocess.run(["cp", "--sparse=always", self.image, copy], check=True)
            if self.writes() == before:
                return copy
        raise AssertionError("the disk never comes to rest")

    def lose_power(self, end_all):
        """end_all() ends those who use it; afterwards it holds what had reached it before."""
        copy = self.copy()
        end_all()
        # What still holds it open is dying; it must not hold up the disk's next life.
        subprocess.run(["umount", "--lazy", self.mount_point], check=True)
        self.image.unlink()
        self.image = copy
        self.mount()

    def remove(self):
        subprocess.run(["umount", "--lazy", self.mount_point], check=True)
        self.image.unlink()


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
        self.process.send_signal(signal.SIGSTOP)
        self.disk.lose_power(self.end_all)

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
