"""The process of `mailserver`: words in, ``{port}`` and then each mail as a line of JSON out."""

import asyncio
import json
import ssl
import sys
from contextlib import suppress

from aiosmtpd.smtp import SMTP, AuthResult


def main(tls, port, auth, *others):
    certificate, key, user, password = others
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    def check(server, session, envelope, mechanism, data):
        is_right = (data.login, data.password) == (user.encode(), password.encode())
        session.who = data.login.decode()
        return AuthResult(success=is_right, handled=False)

    class Handler:
        async def handle_RCPT(self, server, session, envelope, address, options):
            if address.startswith("nobody@"):
                return "550 5.1.1 no such user"
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(self, server, session, envelope):
            took = {
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "text": envelope.content.decode("utf-8", "replace"),
                "user": getattr(session, "who", ""),
                "tls": server.transport.get_extra_info("sslcontext") is not None,
            }
            print(json.dumps(took), flush=True)
            return "250 OK"

    def protocol():
        return SMTP(
            Handler(),
            hostname="localhost",
            tls_context=context if tls == "starttls" else None,
            require_starttls=tls == "starttls",
            authenticator=check,
            auth_required=auth,
            auth_require_tls=tls == "starttls",
        )

    async def serve():
        secure = context if tls == "tls" else None
        loop = asyncio.get_running_loop()
        server = await loop.create_server(protocol, "127.0.0.1", port, ssl=secure)
        print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
        await server.serve_forever()

    with suppress(KeyboardInterrupt):
        asyncio.run(serve())


if __name__ == "__main__":
    kind, number, needs, *others = sys.argv[1:]
    main(kind, int(number), needs == "1", *others)
