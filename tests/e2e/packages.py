"""Deployment packages made in memory."""

import io
import stat
import zipfile


class Raw:
    """A zip entry with attributes of its own: a mode (with file type), or a link target."""

    def __init__(self, data=b"", mode=stat.S_IFREG | 0o644):
        self.data = data.encode() if isinstance(data, str) else data
        self.mode = mode


def executable(text):
    """A file with its executable bit set."""
    return Raw(text, stat.S_IFREG | 0o755)


def symlink(target):
    """A symbolic link."""
    return Raw(target, stat.S_IFLNK | 0o777)


def make_zip(files, compression=zipfile.ZIP_DEFLATED):
    """The bytes of a zip with `{path: text, bytes or Raw}`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as package:
        for path, content in files.items():
            raw = content if isinstance(content, Raw) else Raw(content)
            entry = zipfile.ZipInfo(path, date_time=(2024, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = raw.mode << 16
            entry.compress_type = compression
            package.writestr(entry, raw.data)
    return buffer.getvalue()


def zip_directory(directory):
    """The bytes of a zip with everything below a directory."""
    files = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            files[str(path.relative_to(directory))] = Raw(path.read_bytes(), path.stat().st_mode)
    return make_zip(files)
