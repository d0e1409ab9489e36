"""A small real name server on loopback: it knows what a test tells it, and may be mute."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


@dataclass
class NameServer:
    """`records`: by name and type, each in the words of a zone file."""

    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    is_mute: bool = False
    is_broken: bool = False
    at: tuple[str, int] = ("127.0.0.1", 0)

    def publish(self, more: Mapping[str, str | list[str]]) -> None:
        """`{"acme.dev TXT": '"v=spf1 -all"', ...}`; an empty list takes records away."""
        for where, values in more.items():
            name, kind = where.split()
            self.records[name, kind] = [values] if isinstance(values, str) else values

    def answer(self, wire: bytes) -> bytes | None:
        query = dns.message.from_wire(wire)
        (question,) = query.question
        name = question.name.to_text(omit_final_dot=True).lower()
        self.asked.append(name)
        if self.is_mute:
            return None
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        if self.is_broken:
            reply.set_rcode(dns.rcode.SERVFAIL)
            return reply.to_wire()
        kind = dns.rdatatype.to_text(question.rdtype)
        if values := self.records.get((name, kind)):
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *values))
        elif not any(
            held and (each == name or each.endswith(f".{name}"))
            for (each, _), held in self.records.items()
        ):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply.to_wire()


class _Desk(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server

    def connection_made(self, transport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr) -> None:
        if (reply := self._server.answer(data)) is not None:
            self._transport.sendto(reply, addr)


@asynccontextmanager
async def running() -> AsyncIterator[NameServer]:
    server = NameServer()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Desk(server), local_addr=("127.0.0.1", 0)
    )
    server.at = transport.get_extra_info("sockname")
    yield server
    transport.close()
