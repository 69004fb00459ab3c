"""Finds bytecode that was prepared when the package was deployed, where the interpreter looks for its own.

The package looks as it would without: modules name the files beside their sources, which are not there.
"""

from importlib.machinery import SourceFileLoader


def use(folder):
    """What is below `folder` stands for what would be below the package and the layers."""
    places = (("/var/task/", folder + "/task/"), ("/opt/", folder + "/opt/"))
    read = SourceFileLoader.get_data

    def get_data(self, path):
        if path.endswith(".pyc"):
            for root, place in places:
                if path.startswith(root):
                    try:
                        # Nothing in it stands for a source that is to be compiled at each start.
                        return read(self, place + path[len(root):]) or read(self, path)
                    except OSError:
                        break
        return read(self, path)

    get_data.__doc__, get_data.__qualname__, get_data.__module__ = read.__doc__, read.__qualname__, read.__module__
    SourceFileLoader.get_data = get_data
