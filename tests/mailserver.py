"""A real SMTP server in a process of its own: TLS, STARTTLS, authentication; what came, as JSON."""

import datetime
import json
import queue
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SCRIPT = Path(__file__).with_name("mailserver_process.py")
USER, PASSWORD = "farm", "correct horse"
NAME = "localhost"
STOP_S = 10.0


@dataclass
class Certificate:
    """A certificate that signs itself, for `NAME`."""

    folder: Path

    @property
    def file(self):
        return self.folder / "smtpd.pem"

    @property
    def key(self):
        return self.folder / "smtpd.key"

    def make(self, name=NAME):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        plain = serialization.NoEncryption()
        self.file.write_bytes(made.public_bytes(pem))
        self.key.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
        return self


class MailServer:
    """One process; `mails` is a queue of what it took: ``{from, to, text, user, tls}``."""

    def __init__(self, certificate, tls="none", port=0, auth=False):
        words = [sys.executable, "-W", "ignore", str(SCRIPT), tls, str(port), str(int(auth))]
        words += [str(certificate.file), str(certificate.key), USER, PASSWORD]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        self.port = json.loads(self._process.stdout.readline())["port"]
        self.mails = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.kill()
        self._process.wait(STOP_S)
        self._reader.join(STOP_S)
        self._process.stdout.close()

    def _read(self):
        for line in self._process.stdout:
            self.mails.put(json.loads(line))
