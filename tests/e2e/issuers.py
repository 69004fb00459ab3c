"""An issuer of tokens: its keys at an address of this machine, as OpenID Connect has them, and as Cognito does."""

import base64
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa


#: A user pool of it.
POOL = "us-east-1_Pool"


class Issuer:
    """An issuer of tokens: its keys and its documents."""

    def __init__(self):
        self.keys, self.asked = {}, 0
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked += 1
                documents = {"/.well-known/openid-configuration": {"jwks_uri": f"{issuer.url}/keys"}, "/keys": {"keys": issuer.public()}, f"/{POOL}/.well-known/jwks.json": {"keys": issuer.public()}}
                content = json.dumps(documents.get(self.path, {})).encode()
                self.send_response(200 if self.path in documents else 404)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.web.server_port}"
        Thread(target=self.web.serve_forever, daemon=True).start()

    def new_key(self, key_id):
        self.keys[key_id] = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def public(self):
        """The keys as a set."""
        numbers = {key_id: key.public_key().public_numbers() for key_id, key in self.keys.items()}
        return [{"kty": "RSA", "use": "sig", "kid": key_id, "n": number(public.n), "e": number(public.e)} for key_id, public in numbers.items()]

    def token(self, key_id, signer=None, **claims):
        """A token that a key has signed."""
        header = {"alg": "RS256", "kid": key_id}
        claims = {"iss": self.url, "aud": "app", "exp": int(time.time()) + 60, "sub": "me", **claims}
        signed = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
        return f"{signed}.{encoded((signer or self.keys[key_id]).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value):
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))
