"""A browser in front of functions: what its page may ask of other origins, and a chat."""

import contextlib
import json
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread

import pytest

import toolbox
from functions import open_to_all
from http_apis import Api
from rest_apis import RestApi
from websocket_apis import Chat, everybody_hears

#: Nothing is asked but this machine.
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync", "--no-pings",
    "--disable-background-networking", "--disable-component-update", "--disable-extensions",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
]
PAGE = """<!doctype html><script type="module">
const told = {};
const ask = async (url) => {
  try {
    const answer = await fetch(url, {method: "PUT", headers: {"X-One": "1", "Content-Type": "application/json"}, body: '{"said": "hi"}'});
    return [answer.status, await answer.json()];
  } catch (error) {
    return error.name;
  }
};
for (const [name, url] of Object.entries(ADDRESSES)) told[name] = await ask(url);
const socket = new WebSocket(CHAT);
socket.onopen = () => socket.send(JSON.stringify({action: "say", text: "I am a browser"}));
socket.onmessage = async ({data}) => {
  told.chat = data;
  await fetch("/told", {method: "POST", body: JSON.stringify(told)});
};
</script>"""


@contextlib.contextmanager
def origin():
    """A server of the web that shows a page; gives it, its address, and what the page told it."""
    told = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(web.page.encode())

        def do_POST(self):
            told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=web.serve_forever, daemon=True).start()
    yield web, f"http://127.0.0.1:{web.server_port}", told
    web.shutdown()
    web.server_close()


def test_a_page_asks_other_origins_as_far_as_they_let_it(server, deploy, apis, rest, tmp_path):
    """Behind a URL, an HTTP API and a REST API (whose preflight a mock answers); without CORS the browser shows nothing."""
    browser = toolbox.chromium()
    if browser is None:
        pytest.skip("skipped: Chromium cannot be had")
    with origin() as (web, own, told):
        cors = {"AllowOrigins": [own], "AllowMethods": ["PUT"], "AllowHeaders": ["x-one", "content-type"]}
        echo = deploy("def handler(event, context):\n    return {'statusCode': 200, 'body': event['body'], 'headers': {'access-control-allow-origin': '*'}}\n")
        closed_echo = deploy("def handler(event, context):\n    return {'statusCode': 200, 'body': event['body']}\n")
        url = echo.client.create_function_url_config(FunctionName=closed_echo.name, AuthType="NONE", Cors=cors)["FunctionUrl"]
        open_to_all(echo.client, closed_echo.name)
        api, closed = Api(apis, CorsConfiguration=cors), Api(apis)
        for made in (api, closed):
            made.route("PUT /", closed_echo)
        rest_api = RestApi(rest)
        rest_api.function("/", echo, "PUT")
        allow = {f"method.response.header.Access-Control-Allow-{name}": f"'{value}'" for name, value in
                 {"Origin": "*", "Methods": "PUT", "Headers": "X-One,Content-Type"}.items()}
        rest_api.mock("/", "OPTIONS", responses={"200": {"responseParameters": allow}})
        rest_api.deploy()
        chat = Chat(server)
        everybody_hears(chat, deploy)
        addresses = {"url": url, "http": f"{api.endpoint}/", "rest": f"{rest_api.endpoint()}/dev/", "closed": f"{closed.endpoint}/"}
        web.page = PAGE.replace("ADDRESSES", json.dumps(addresses)).replace("CHAT", json.dumps(f"ws://{chat.host}/{chat.stage}"))
        shown = subprocess.Popen([browser, *FLAGS, f"--user-data-dir={tmp_path}", own], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            heard = told.get(timeout=60)
        finally:
            shown.terminate()
            shown.wait(timeout=30)
        chat.close()
    said = [200, {"said": "hi"}]
    assert heard == {"url": said, "http": said, "rest": said, "closed": "TypeError", "chat": "I am a browser"}
