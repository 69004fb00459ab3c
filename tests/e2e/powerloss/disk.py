"""What a disk may hold after a power loss.

The model, which is what POSIX promises and a little of what every journaling file system adds:

- Data. A write since the last sync of its file may be there, be absent, or be torn at the borders of sectors, and
  each independently of every other. So may the file's new size be: data beyond a size that was lost is lost, and a
  size without its data reads as zeros. A sync of the file makes durable what was written before it *began*.
- Names. What was done in a directory (create, rename, unlink, mkdir) is durable once that directory is synced.
  Before that, any prefix of what was done in the one directory may be there: file systems that journal their
  metadata keep its order, and no program could work without. But each directory for itself: a directory may
  be ahead of its parent, so that what is in it cannot be reached. Syncing a file does not make its name durable;
  on ext4 it mostly does, and relying on that is what this model is there to find.
- A rename is atomic. Permissions are not modelled.
"""

from dataclasses import dataclass, field

from powerloss import log


class NotModelled(Exception):
    """The program did something to its files that the model has no rule for."""


@dataclass
class Write:
    """Bytes written at an offset."""

    at: int
    offset: int
    data: bytes


@dataclass
class Resize:
    """A new size; `grows_only` leaves a longer file as it is (fallocate)."""

    at: int
    size: int
    grows_only: bool = False


@dataclass
class Edit:
    """What was done in a directory at once: names and what they stand for since (None: nothing)."""

    at: int
    names: dict


@dataclass(eq=False)
class File:
    """A file: what is durable for certain, and what was done since, in order."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list = field(default_factory=list)

    def settle(self, before):
        """A sync that began before record `before` is done."""
        for change in [change for change in self.pending if change.at < before]:
            if isinstance(change, Write):
                put(self.durable, change.offset, change.data)
            else:
                resize(self.durable, change)
        self.pending = [change for change in self.pending if change.at >= before]


@dataclass(eq=False)
class Directory:
    """A directory, likewise."""

    durable: dict = field(default_factory=dict)
    pending: list = field(default_factory=list)

    def settle(self, before):
        """A sync that began before record `before` is done."""
        for edit in [edit for edit in self.pending if edit.at < before]:
            apply(self.durable, edit)
        self.pending = [edit for edit in self.pending if edit.at >= before]

    def now(self):
        """The names as a running program sees them."""
        names = dict(self.durable)
        for edit in self.pending:
            apply(names, edit)
        return names


@dataclass(frozen=True)
class Symlink:
    """A symbolic link, which is nothing but its name."""

    target: str


def put(content, offset, data):
    """Writes into a file's content; a gap reads as zeros."""
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def resize(content, change):
    """Cuts a file or lets it grow."""
    if len(content) < change.size:
        content.extend(bytes(change.size - len(content)))
    elif not change.grows_only:
        del content[change.size :]


def apply(names, edit):
    """Applies an edit to a directory's names."""
    for name, target in edit.names.items():
        if target is None:
            names.pop(name, None)
        else:
            names[name] = target


class Disk:
    """The recorded folder after some records: everything durable, and everything that may be lost."""

    def __init__(self):
        self.root = Directory()
        self.by_inode = {}
        self.begun = {}

    @classmethod
    def after(cls, records, dropped=frozenset()):
        """The disk after some records, as if the syncs that begin at the records `dropped` had not been made."""
        disk = cls()
        for at, record in enumerate(records):
            if at not in dropped:
                disk.take(at, record)
        return disk

    def take(self, at, record):
        """Applies one record."""
        kind = record.kind
        if kind == log.SYNC_BEGIN:
            self.begun[record.number] = at
        elif kind == log.SYNC_END:
            begun = self.begun.pop(record.number, None)
            if begun is not None:
                self.of_sync(record).settle(begun)
        elif kind in (log.WRITE, log.TRUNCATE, log.ALLOCATE):
            self.change(at, record)
        elif kind == log.NOT_RECORDABLE:
            raise NotModelled(f"{record.other} of {record.path or 'the folder'} cannot be recorded")
        else:
            self.edit(at, record)

    def change(self, at, record):
        """What changes the content of a file."""
        file = self.by_inode.get(record.inode)
        if not isinstance(file, File):
            raise NotModelled(f"{record.path} is written, and nobody was seen to create it")
        if record.kind == log.WRITE:
            file.pending.append(Write(at, record.number, record.data))
        else:
            file.pending.append(Resize(at, record.number, grows_only=record.kind == log.ALLOCATE))

    def edit(self, at, record):
        """What changes names."""
        folder, name = self.place(record.path)
        if record.kind in (log.CREATE, log.MAKE_DIRECTORY):
            new = File() if record.kind == log.CREATE else Directory()
            self.by_inode[record.inode] = new
            names = {name: new}
        elif record.kind == log.SYMLINK:
            names = {name: Symlink(record.other)}
        elif record.kind in (log.UNLINK, log.REMOVE_DIRECTORY):
            names = {name: None}
        elif record.kind == log.RENAME:
            other_folder, other = self.place(record.other)
            if other_folder is not folder:
                raise NotModelled(f"{record.path} is renamed into another directory")
            names = {name: None, other: folder.now()[name]}
        else:
            raise NotModelled(f"a record of kind {record.kind}")
        folder.pending.append(Edit(at, names))

    def of_sync(self, record):
        """The file or directory that was synced."""
        if record.path == "":
            return self.root
        if record.inode not in self.by_inode:
            raise NotModelled(f"{record.path} is synced, and nobody was seen to create it")
        return self.by_inode[record.inode]

    def place(self, path):
        """The directory that a path is in, and the name there."""
        *parents, name = path.split("/")
        folder = self.root
        for parent in parents:
            folder = folder.now().get(parent)
            if not isinstance(folder, Directory):
                raise NotModelled(f"{path} is in a directory that nobody was seen to create")
        return folder, name

    def image(self, survival):
        """What is on the disk when the power comes back: `{path: content}`.

        The content is bytes, a Symlink, or None for a directory.
        """
        found, survival = {}, survival.begin()

        def walk(folder, prefix):
            names = dict(folder.durable)
            for edit in folder.pending[: survival.edits(folder.pending)]:
                apply(names, edit)
            for name, target in names.items():
                path = prefix + name
                if isinstance(target, Directory):
                    found[path] = None
                    walk(target, f"{path}/")
                else:
                    found[path] = content(target, survival) if isinstance(target, File) else target

        walk(self.root, "")
        return found


def content(file, survival):
    """What is left of a file."""
    left, size = bytearray(file.durable), len(file.durable)
    for change in file.pending:
        if isinstance(change, Write):
            for offset, data in survival.pieces(change):
                put(left, offset, data)
            if survival.keeps_size(change):
                size = max(size, change.offset + len(change.data))
        elif survival.keeps_size(change):
            resize(left, change)
            size = max(size, change.size) if change.grows_only else change.size
    resize(left, Resize(0, size))
    return bytes(left)


def write(image, folder, replace=None):
    """Puts an image into an empty folder. `replace` changes the content of files on the way."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, what in image.items():
        place = folder / path
        if what is None:
            place.mkdir(mode=0o700)
        elif isinstance(what, Symlink):
            place.symlink_to(what.target)
        else:
            place.write_bytes(replace(what) if replace else what)
            place.chmod(0o600)


def real(folder, excepted):
    """The same for a real folder, without what is not recorded."""
    found = {}
    for place in sorted(folder.rglob("*")):
        path = str(place.relative_to(folder))
        if any(path == name or path.startswith(f"{name}/") for name in excepted):
            continue
        if place.is_symlink():
            found[path] = Symlink(str(place.readlink()))
        else:
            found[path] = None if place.is_dir() else place.read_bytes()
    return found
