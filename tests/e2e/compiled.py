"""Code that a server has compiled when it was deployed."""

import time

from functions import Deployer, Layers


class Server:
    """A server whose compiled code is looked at, and changed."""

    def __init__(self, server, runtime, extension):
        self.extension = extension
        self.server = server
        self.client = server.client()
        self.runtime = runtime
        self.deploy = Deployer(self.client, runtime)
        self.layer = Layers(self.client)

    def compiled(self, count=1, timeout_s=60):
        """The files that were compiled, once so many packages were."""
        deadline = time.monotonic() + timeout_s
        while True:
            folders = list(self.server.data_dir.glob(f"code/*/compiled-{self.runtime}-*"))
            if len(folders) >= count or time.monotonic() > deadline:
                assert len(folders) >= count, self.server.errors()[-2000:]
                return sorted(path for folder in folders for path in folder.rglob(f"*.{self.extension}"))
            time.sleep(0.05)

    def start_anew(self, function):
        """Lets the next invocation start another environment."""
        self.client.update_function_configuration(FunctionName=function.name, Description=str(time.monotonic()))
        function.wait_updated()
        return function
