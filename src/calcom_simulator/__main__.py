"""Start the simulator: `python -m calcom_simulator --port 5555`."""

import argparse
import contextlib
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import uvicorn

from calcom_simulator.app import create_app
from calcom_simulator.editions import EDITIONS, HOSTED
from calcom_simulator.sample import sample_world
from calcom_simulator.state import Keeper
from calcom_simulator.world import World


def main(arguments: list[str] | None = None) -> None:
    """Listen, say so in one line on standard output, and serve until interrupted."""
    options = _parser().parse_args(arguments)
    listener = _listen(options.host, options.port)
    host, port = listener.getsockname()[:2]
    address = f"http://{host}:{port}"

    world = sample_world(
        options.seed,
        webhook_url=options.webhook_url,
        webhook_secret=options.webhook_secret,
        edition=EDITIONS[options.edition],
        public_url=(options.public_url or address).rstrip("/"),
        rate_limit=options.rate_limit,
    )
    config = uvicorn.Config(
        create_app(world, keeper=_keeper(world, options.state)),
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,  # the world's clock sets Date
        timeout_graceful_shutdown=2,
    )
    if options.until_eof:
        threading.Thread(target=_end_with_input, daemon=True).start()
    # A listening socket queues connections, so this is true before the first is accepted.
    sys.stdout.write(
        f"Cal.com simulator ready on {address}\n"
        f"  API address  {address}{world.edition.api_prefix}/v2\n"
        f"  API key      {next((one.key for one in world.users.values() if one.key), 'none')}\n"
        f"  Controls     {address}/control\n"
    )
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again when all is done
        uvicorn.Server(config).run(sockets=[listener])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="calcom_simulator", description="A stand-in for Cal.com: API v2, webhooks, pages."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5555, help="0 picks a free one")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same ids")
    parser.add_argument("--webhook-url", help="tell everything to this address")
    parser.add_argument("--webhook-secret", help="and sign it with this secret")
    parser.add_argument("--public-url", help="the address in people's browsers, if another")
    parser.add_argument("--edition", choices=sorted(EDITIONS), default=HOSTED.name)
    parser.add_argument(
        "--rate-limit", type=int, help="requests per minute and key (Cal.com's own: 120)"
    )
    parser.add_argument(
        "--state",
        type=Path,
        metavar="FILE",
        help="keep the world in this file and go on from it; what it says wins over the options",
    )
    parser.add_argument(
        "--until-eof",
        action="store_true",
        help="end when standard input does, so with the program that holds its other end",
    )
    return parser


def _end_with_input() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _keeper(world: World, path: Path | None) -> Keeper | None:
    if path is None:
        return None
    keeper = Keeper(world, path)
    try:
        keeper.recall()
        keeper.save()
    except OSError as error:
        sys.exit(f"{path} cannot be used: {error.strerror}. Choose another --state.")
    return keeper


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        sys.exit(f"Port {port} on {host} cannot be used: {error.strerror}. Choose another --port.")
    listener.listen(2048)
    return listener


if __name__ == "__main__":
    main()
