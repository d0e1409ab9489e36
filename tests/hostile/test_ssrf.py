"""An address typed on the page leads nowhere but to the internet, whatever it is written like.

A bait listens on this machine; nothing that is typed may ever make a connection to it, nor tell
whether it is there.
"""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest

from calcom import tls
from calcom.account import KEY, ungated
from greenroom.accounts.model import Role
from greenroom.calcom import reach
from greenroom.calcom.client import CalcomError
from greenroom.calcom.reach import OutOfReach, check_address, guarded_client
from greenroom.errors import GreenroomError
from house import opened

pytestmark = pytest.mark.anyio

HERE = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "①②⑦.0.0.1",
    "127。0。0。1",
    "127.0.0.1.",
    "localhost",
    "LOCALHOST.",
    "0.0.0.0",  # noqa: S104  (typed, not listened on)
    "0",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::80ff:fffe]",
]
"""This machine, as it can be written."""
INSIDE = [
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "192.0.0.8",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "169.254.169.254",
    "0xa9fea9fe",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fec0::1]",
    "[fc00::1]",
    "[ff02::1]",
    "[2001:db8::1]",
    "[100::1]",
    "[64:ff9b::a9fe:a9fe]",
]
"""What only this network reaches, and what nobody should."""
SCHEMES = [
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
    "unix:/var/run/docker.sock",
    "unix://var/run/docker.sock",
    "ftp://127.0.0.1:{port}/",
    "dict://127.0.0.1:{port}/",
    "ws://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/v2",
    "http://api.cal.com/v2",
    "//127.0.0.1:{port}/v2",
    "data:text/html,x",
]
DISGUISES = [
    "https://cal.com\\@127.0.0.1:{port}/v2",
    "https://cal.com@127.0.0.1:{port}/v2",
    "https://cal.com:443@127.0.0.1:{port}/v2",
    "https://cal.com%40127.0.0.1:{port}/v2",
    "https://cal.com#@127.0.0.1:{port}/v2",
    "https://cal.com?@127.0.0.1:{port}/v2",
    "https://127.0.0.1:{port}#cal.com/v2",
    "https://127.0.0.1:{port}\t/v2",
    "https://127.0.0.1:{port}\r\nHost: cal.com/v2",
    "https://127.0.0.1:{port}\x00.cal.com/v2",
    "https://127.0.0.1:{port}\u200b/v2",
    "https://[::ffff:127.0.0.1:{port}/v2",
    "https:/127.0.0.1:{port}/v2",
    "https:127.0.0.1:{port}/v2",
    "https:///127.0.0.1:{port}/v2",
]
PORTS = [0, 1, 21, 22, 23, 25, 53, 80, 110, 111, 135, 139, 143, 389, 445, 465, 587, 631, 873]
PORTS += [993, 995, 2049, 2375, 3306, 5432, 6379, 6443, 9200, 10250, 11211, 27017, 65536, 99999]


@asynccontextmanager
async def bait():
    """A server that counts who comes, on IPv4 and IPv6; its port is one that may be typed."""
    came = []

    async def serve(_, writer):
        came.append(writer.get_extra_info("peername"))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    six = await asyncio.start_server(serve, "::1", port)
    async with server, six:
        yield port, came


async def refused(address):
    """What the page's client says to an address, however little was looked at beforehand."""
    said = []
    async with guarded_client() as http:
        for ask in (
            lambda: reach.check_public(address),
            lambda: ungated(http, address).me(),
        ):
            with pytest.raises(GreenroomError) as error:
                await ask()
            assert error.value.do
            assert KEY not in str(error.value)
            said.append(str(error.value))
    return said


@pytest.mark.parametrize("host", HERE)
async def test_this_machine_is_not_asked_and_nothing_tells_what_listens_there(host):
    async with bait() as (port, came):
        open_ = await refused(f"https://{host}:{port}/v2")
    closed = await refused(f"https://{host}:{port}/v2")

    assert came == []
    assert open_ == closed


@pytest.mark.parametrize("host", INSIDE)
async def test_what_only_this_network_reaches_is_not_asked(host):
    for said in await refused(f"https://{host}/v2"):
        assert "is not on the public internet" in said or "is not an address" in said


@pytest.mark.parametrize("address", [*SCHEMES, *DISGUISES])
async def test_other_schemes_and_disguises_lead_nowhere(address):
    async with bait() as (port, came):
        await refused(address.format(port=port))

    assert came == []


@pytest.mark.parametrize("port", PORTS)
async def test_ports_where_others_live_are_not_asked(port):
    for said in await refused(f"https://api.cal.com:{port}/v2"):
        assert f"Port {port} is not one" in said or "is not an address" in said or port > 65535


NAMES = {
    "private": [["10.0.0.1"]],
    "this machine": [["127.0.0.1"]],
    "first public, then this machine": [["8.8.8.8"], ["127.0.0.1"]],
    "one of two is this machine": [["8.8.8.8", "127.0.0.1"]],
    "one of two is IPv6": [["8.8.8.8", "::1"]],
    "IPv6 only, this machine": [["::1"]],
    "IPv6 only, folded": [["64:ff9b::7f00:1"]],
    "IPv6 only, of the link": [["fe80::1%1"]],
    "another name of metadata": [["169.254.169.254"]],
    "another name of metadata, IPv6": [["fd00:ec2::254"]],
    "no address at all": [[]],
    "no address, but words": [["localhost"]],
}


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_is_what_it_leads_to_at_the_moment_it_is_connected_to(name):
    answers = list(NAMES[name])

    async def resolve(_host, _port):
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return found

    async with bait() as (port, came), guarded_client(resolve=resolve) as http:
        url = f"https://calcom.example:{port}/v2"
        if len(answers) > 1:  # the name was good when it was typed
            await reach.check_public(url, resolve=resolve)
        with pytest.raises(OutOfReach) as error:
            await ungated(http, url).me()

    assert came == []
    assert error.value.what == "“calcom.example” is not on the public internet."


async def test_a_public_server_cannot_send_us_on(tmp_path, monkeypatch):
    authority = tls.authority()
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.written(tmp_path, authority[0])))
    pair = tls.certificate("calcom.example", by=authority)

    async def resolve(_host, _port):
        return ["127.0.0.1"]

    async with bait() as (port, came):
        head = f"HTTP/1.1 307 -\r\nLocation: https://127.0.0.1:{port}/v2/me\r\n"
        answer = f"{head}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
        async with (
            tls.serving(answer, pair, tmp_path) as server,
            guarded_client(resolve=resolve, judge=lambda _: True) as http,
        ):
            with pytest.raises(CalcomError, match="leads on to"):
                await ungated(http, f"https://calcom.example:{server.port}/v2").me()

    assert server.connections == 1
    assert came == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "127.1", "metadata.invalid"])
async def test_on_the_page_all_of_them_are_refused_alike(house, host):
    headers = await house.token(Role.ADMIN)
    async with bait() as (port, came):
        form = {"where": "own", "address": f"https://{host}:{port}/v2", "api_key": "cal_live_x"}
        answer = await house.http.post("/connections/check", data=form, headers=headers)

    assert came == []
    assert "is not on the public internet" in answer.text or "is not an address" in answer.text
    assert "cal_live_x" not in answer.text


async def test_whoever_starts_greenroom_may_let_the_page_reach_the_own_network(
    database_url, tmp_path, calcom
):
    async with opened(database_url, tmp_path, allow_private_calcom=True) as house:
        headers = await house.token(Role.ADMIN)
        form = {"where": "own", "address": calcom.api_url, "api_key": KEY}
        own = await house.http.post("/connections/check", data=form, headers=headers)
        form["address"] = "http://169.254.169.254/v2"
        metadata = await house.http.post("/connections/check", data=form, headers=headers)

    assert "intro-call" in own.text
    assert "where machines are told their own secrets" in metadata.text


def test_what_is_typed_is_at_most_a_line():
    with pytest.raises(GreenroomError):
        check_address("https://cal.com/" + "a" * 100_000)
