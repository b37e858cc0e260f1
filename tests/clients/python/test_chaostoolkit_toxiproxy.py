"""chaostoolkit-toxiproxy: its actions and probes one by one, and as an experiment of the Chaos Toolkit."""

import unittest

from chaoslib.experiment import ensure_experiment_is_valid, run_experiment
from chaostoxi.proxy import actions, probes
from chaostoxi.toxic import actions as toxics
from wire import API, HOST, PORT, STREAMS, TYPES, UPSTREAM, Clock, answer, connect, rest

import requests

UPSTREAM_HOST, UPSTREAM_PORT = UPSTREAM.rsplit(":", 1)


class Case(unittest.TestCase):
    def setUp(self):
        self.configuration = {"toxiproxy_host": HOST, "toxiproxy_port": PORT}
        for name in requests.get(f"{API}/proxies", timeout=30).json():
            self.call(actions.delete_proxy, name)
        self.assertTrue(self.call(actions.create_proxy, "p", UPSTREAM_HOST, UPSTREAM_PORT, "127.0.0.1"))
        self.listen = self.call(probes.get_proxy_attribute, "p", "listen")

    def call(self, function, *args, **kwargs):
        return function(*args, configuration=self.configuration, **kwargs)

    def toxics(self):
        return {toxic["name"]: toxic for toxic in self.call(probes.get_proxy_attribute, "p", "toxics")}


class Proxies(Case):
    def test_they_are_made_found_changed_and_deleted(self):
        # It takes the port out of what stands behind the last colon, and says it to the experiment.
        self.assertEqual(self.configuration["p_PORT"], self.listen.split(":")[1])
        self.assertTrue(self.call(actions.create_proxy, "everywhere", UPSTREAM_HOST, UPSTREAM_PORT))
        port = self.configuration["everywhere_PORT"]
        self.assertEqual(answer(f"127.0.0.1:{port}", b"hello"), b"hello")
        self.assertTrue(self.call(probes.proxy_exist, "p"))
        self.assertTrue(self.call(actions.modify_proxy, "p", upstream_address="x:1"))
        self.assertEqual(self.call(probes.get_proxy_attribute, "p", "upstream"), "x:1")
        self.call(actions.delete_proxy, "p")
        self.assertFalse(self.call(probes.proxy_exist, "p"))
        self.assertIsNone(self.call(probes.get_proxy_attribute, "p", "listen"))

    def test_they_are_disabled_and_enabled(self):
        self.assertTrue(self.call(actions.disable_proxy, "p"))
        with self.assertRaises(ConnectionRefusedError):
            connect(self.listen)
        self.assertTrue(self.call(actions.enable_proxy, "p"))
        self.assertEqual(answer(self.listen, b"hello"), b"hello")

    def test_reset_enables_all_and_clears_their_toxics(self):
        self.call(toxics.create_timeout_toxic, "p", "t", 0)
        self.call(actions.disable_proxy, "p")
        self.assertTrue(self.call(actions.reset))
        self.assertEqual(self.toxics(), {})
        self.assertEqual(answer(self.listen, b"hello"), b"hello")

    def test_refusals(self):
        # What it makes of a refusal is its own: an assertion, or a subscript of nothing.
        with self.assertRaises(AssertionError):
            self.call(actions.create_proxy, "p", UPSTREAM_HOST, UPSTREAM_PORT)
        with self.assertRaises(AssertionError):
            self.call(actions.disable_proxy, "nope")
        for kind in ["nope", "Latency"]:
            with self.assertRaises(TypeError):
                self.call(toxics.create_toxic, "p", "t", kind)
        self.assertFalse(self.call(toxics.delete_toxic, "p", "nope"))


class Toxics(Case):
    def test_every_type_in_both_streams(self):
        for kind, attributes in TYPES.items():
            for stream in STREAMS:
                name = f"{kind} {stream}"
                self.assertTrue(self.call(toxics.create_toxic, "p", name, kind, stream, 0.25, attributes))
                want = {"name": name, "type": kind, "stream": stream, "toxicity": 0.25, "attributes": attributes}
                self.assertEqual(self.toxics()[name], want)
        for name in self.toxics():
            self.assertTrue(self.call(toxics.delete_toxic, "p", name))
        self.assertEqual(self.toxics(), {})

    def test_its_own_word_for_each(self):
        self.call(toxics.create_latency_toxic, "p", "a", 100, 10)
        self.call(toxics.create_bandwith_degradation_toxic, "p", "b", 64)
        self.call(toxics.create_slow_connection_close_toxic, "p", "c", 40)
        self.call(toxics.create_timeout_toxic, "p", "d", 300)
        self.call(toxics.create_slicer_toxic, "p", "e", 100, 10, 50)
        self.call(toxics.create_limiter_toxic, "p", "f", 4096)
        found = [(toxic["type"], toxic["attributes"]) for toxic in self.toxics().values()]
        want = [
            ("latency", {"latency": 100, "jitter": 10}),
            ("bandwidth", {"rate": 64}),
            ("slow_close", {"delay": 40}),
            ("timeout", {"timeout": 300}),
            ("slicer", {"average_size": 100, "size_variation": 10, "delay": 50}),
            ("limit_data", {"bytes": 4096}),
        ]
        self.assertEqual(found, want)

    def test_attributes_that_are_null_are_zeroes(self):
        self.call(toxics.create_toxic, "p", "t", "latency")
        self.assertEqual(self.toxics()["t"]["attributes"], {"latency": 0, "jitter": 0})

    def test_they_are_felt(self):
        self.call(toxics.create_latency_toxic, "p", "t", 120)
        with Clock() as clock:
            self.assertEqual(answer(self.listen, b"hello"), b"hello")
        self.assertGreaterEqual(clock.took, 0.12)
        self.call(toxics.delete_toxic, "p", "t")
        self.call(toxics.create_limiter_toxic, "p", "t", 3)
        self.assertEqual(rest(self.listen, b"hello"), b"hel")


class Experiment(Case):
    def test_it_deviates_while_the_proxy_is_down_and_is_rolled_back(self):
        def does(kind, module, function, **arguments):
            provider = {"type": "python", "module": module, "func": function, "arguments": arguments}
            return {"type": kind, "name": function, "provider": provider}

        enabled = does("probe", "chaostoxi.proxy.probes", "get_proxy_attribute", proxy_name="p", attribute="enabled")
        experiment = {
            "title": "The proxy stays up",
            "description": "It does not.",
            "configuration": {"toxiproxy_url": API},
            "steady-state-hypothesis": {"title": "It is up", "probes": [{**enabled, "tolerance": True}]},
            "method": [
                does("action", "chaostoxi.toxic.actions", "create_latency_toxic", for_proxy="p", toxic_name="slow", latency=50),
                does("action", "chaostoxi.proxy.actions", "disable_proxy", proxy_name="p"),
            ],
            "rollbacks": [does("action", "chaostoxi.proxy.actions", "reset")],
        }
        ensure_experiment_is_valid(experiment)
        journal = run_experiment(experiment)
        self.assertEqual((journal["status"], journal["deviated"]), ("completed", True), journal)
        met = [journal["steady_states"][when]["steady_state_met"] for when in ("before", "after")]
        self.assertEqual(met, [True, False])
        self.assertEqual([step["status"] for step in journal["run"] + journal["rollbacks"]], ["succeeded"] * 3)
        self.assertEqual(self.toxics(), {})
        self.assertEqual(answer(self.listen, b"hello"), b"hello")


if __name__ == "__main__":
    unittest.main()
