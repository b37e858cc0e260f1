"""toxiproxy-python. Its package on PyPI holds no tests of its own, but for a helper."""

import socket
import unittest

from toxiproxy import Toxiproxy
from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists
from wire import API, HOST, PATIENCE, PORT, STREAMS, TYPES, UPSTREAM, Clock, answer, connect, exactly, rest

import requests


class Case(unittest.TestCase):
    def setUp(self):
        self.toxiproxy = Toxiproxy()
        self.toxiproxy.update_api_consumer(HOST, PORT)
        self.toxiproxy.destroy_all()
        self.proxy = self.toxiproxy.create(upstream=UPSTREAM, name="p")

    def refused(self, error, sentence, call, *args, **kwargs):
        """The exception goes by the status, and holds the body."""
        with self.assertRaises(error) as refusal:
            call(*args, **kwargs)
        self.assertEqual(refusal.exception.args[0], sentence)


class Proxies(Case):
    def test_they_are_made_listed_and_destroyed(self):
        host, port = self.proxy.listen.split(":")
        self.assertEqual(host, "127.0.0.1")
        self.assertGreater(int(port), 0)
        self.assertEqual((self.proxy.upstream, self.proxy.enabled), (UPSTREAM, True))
        other = self.toxiproxy.create(upstream="x:1", name="127.0.0.1:80", listen="localhost:0", enabled=False)
        self.assertEqual((other.listen, other.enabled), ("localhost:0", False))
        self.assertEqual(sorted(self.toxiproxy.proxies()), ["127.0.0.1:80", "p"])
        self.assertEqual(self.toxiproxy.get_proxy("127.0.0.1:80").upstream, "x:1")
        self.assertTrue(self.toxiproxy.destroy(other))
        self.assertIsNone(self.toxiproxy.get_proxy("127.0.0.1:80"))
        self.assertTrue(self.toxiproxy.running())
        self.assertTrue(self.toxiproxy.version().startswith(b'{"version": "2.12.0"'))

    def test_they_are_disabled_and_enabled_on_the_same_port(self):
        listen = self.proxy.listen
        with self.proxy.down():
            self.assertFalse(self.toxiproxy.get_proxy("p").enabled)
            with self.assertRaises(ConnectionRefusedError):
                connect(listen)
        self.assertTrue(self.toxiproxy.get_proxy("p").enabled)
        self.assertEqual(answer(listen, b"hello"), b"hello")

    def test_populate_makes_what_is_not_there_or_is_another(self):
        wanted = [
            {"name": "p", "upstream": UPSTREAM, "listen": self.proxy.listen},
            {"name": "q", "upstream": UPSTREAM, "listen": "127.0.0.1:0"},
        ]
        self.assertEqual([proxy.name for proxy in self.toxiproxy.populate(wanted)], ["q"])
        wanted[0]["upstream"] = "x:1"
        wanted[1]["listen"] = self.toxiproxy.get_proxy("q").listen
        self.assertEqual([proxy.name for proxy in self.toxiproxy.populate(wanted)], ["p"])
        self.assertEqual(self.toxiproxy.get_proxy("p").upstream, "x:1")

    def test_reset_enables_all_and_clears_their_toxics(self):
        self.proxy.add_toxic(type="timeout")
        self.proxy.disable()
        self.assertTrue(self.toxiproxy.reset())
        self.assertTrue(self.toxiproxy.get_proxy("p").enabled)
        self.assertEqual(self.proxy.toxics(), {})
        self.assertEqual(answer(self.proxy.listen, b"hello"), b"hello")

    def test_refusals(self):
        exists = b'{"error":"proxy already exists","status":409}\n'
        self.refused(ProxyExists, exists, APIConsumer.post, "/proxies", json={"name": "p", "upstream": "x:1"})
        gone = b'{"error":"proxy not found","status":404}\n'
        self.toxiproxy.destroy(self.proxy)
        self.refused(NotFound, gone, self.proxy.destroy)
        self.refused(NotFound, gone, self.proxy.disable)
        self.refused(NotFound, gone, self.proxy.toxics)
        missing = b'{"error":"missing required field: upstream","status":400}\n'
        self.refused(InvalidToxic, missing, self.toxiproxy.create, upstream="", name="q")


class Toxics(Case):
    def test_every_type_in_both_streams(self):
        for kind, attributes in TYPES.items():
            for stream in STREAMS:
                self.proxy.add_toxic(type=kind, stream=stream, toxicity=0.25, attributes=attributes)
                toxic = self.proxy.get_toxic(f"{kind}_{stream}")
                self.assertEqual((toxic.type, toxic.stream, toxic.toxicity), (kind, stream, 0.25))
                self.assertEqual(toxic.attributes, attributes)
        self.assertEqual(len(self.proxy.toxics()), 2 * len(TYPES))
        for name in self.proxy.toxics():
            self.assertTrue(self.proxy.destroy_toxic(name))
        self.assertEqual(self.proxy.toxics(), {})

    def test_what_is_not_said_is_the_default(self):
        self.proxy.add_toxic(type="slicer")
        toxic = self.proxy.get_toxic("slicer_downstream")
        self.assertEqual(toxic.toxicity, 1)
        self.assertEqual(toxic.attributes, {"average_size": 0, "size_variation": 0, "delay": 0})

    def test_an_update_changes_what_it_says(self):
        # This client has no word for it, but a way to post.
        self.proxy.add_toxic(type="latency", name="slow", attributes={"latency": 100, "jitter": 10})
        changed = APIConsumer.post("/proxies/p/toxics/slow", json={"attributes": {"latency": 5}}).json()
        self.assertEqual(changed["attributes"], {"latency": 5, "jitter": 10})
        self.assertEqual(self.proxy.get_toxic("slow").attributes, changed["attributes"])

    def test_refusals(self):
        self.proxy.add_toxic(type="noop")
        exists = b'{"error":"toxic already exists","status":409}\n'
        self.refused(ProxyExists, exists, self.proxy.add_toxic, type="noop")
        unknown = b'{"error":"invalid toxic type","status":400}\n'
        self.refused(InvalidToxic, unknown, self.proxy.add_toxic, type="nope")
        stream = b'{"error":"stream was invalid, can be either upstream or downstream","status":400}\n'
        self.refused(InvalidToxic, stream, self.proxy.add_toxic, type="noop", stream="sideways")
        gone = b'{"error":"toxic not found","status":404}\n'
        self.refused(NotFound, gone, self.proxy.destroy_toxic, "nope")
        self.assertIsNone(self.proxy.get_toxic("nope"))


class Wire(Case):
    def test_latency_is_never_early(self):
        self.assertEqual(answer(self.proxy.listen, b"hello"), b"hello")
        self.proxy.add_toxic(type="latency", attributes={"latency": 120})
        self.proxy.add_toxic(type="latency", stream="upstream", attributes={"latency": 80})
        with Clock() as clock:
            self.assertEqual(answer(self.proxy.listen, b"hello"), b"hello")
        self.assertGreaterEqual(clock.took, 0.2)

    def test_silence_ends_by_its_clock(self):
        self.proxy.add_toxic(type="timeout", attributes={"timeout": 100})
        with Clock() as clock:
            self.assertEqual(rest(self.proxy.listen, b"lost"), b"")
        self.assertGreaterEqual(clock.took, 0.1)

    def test_a_limit_is_exact(self):
        self.proxy.add_toxic(type="limit_data", attributes={"bytes": 3})
        self.assertEqual(rest(self.proxy.listen, b"hello"), b"hel")

    def test_a_reset_is_a_reset(self):
        for stream in STREAMS:
            self.proxy.add_toxic(type="reset_peer", stream=stream)
            with self.assertRaises(ConnectionResetError):
                rest(self.proxy.listen, b"x")
            self.proxy.destroy_toxic(f"reset_peer_{stream}")

    def test_what_is_held_is_not_lost(self):
        self.proxy.add_toxic(type="bandwidth", attributes={"rate": 0})
        with connect(self.proxy.listen) as client:
            client.sendall(b"held")
            client.settimeout(0.15)
            with self.assertRaises(socket.timeout):
                client.recv(1)
            client.settimeout(PATIENCE)
            self.proxy.destroy_toxic("bandwidth_downstream")
            self.assertEqual(exactly(client, 4), b"held")

    def test_the_end_comes_late(self):
        self.proxy.add_toxic(type="slow_close", attributes={"delay": 150})
        with connect(self.proxy.listen) as client, Clock() as clock:
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(client.recv(1), b"")
        self.assertGreaterEqual(clock.took, 0.15)


class Curl(Case):
    def test_a_form_is_as_good_as_json(self):
        # As `curl -d` sends it, which the README of Toxiproxy shows.
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        made = requests.post(f"{API}/proxies", data='{"name":"q","upstream":"x:1"}', headers=kind, timeout=PATIENCE)
        self.assertEqual(made.status_code, 201)


if __name__ == "__main__":
    unittest.main()
