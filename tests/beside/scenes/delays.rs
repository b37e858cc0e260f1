//! Toxics that keep every byte: `noop`, `latency`, `bandwidth`, `slicer`.

use crate::beside::stage::{
    EITHER, Scene,
    Step::{self, *},
};

const fn scene(name: &'static str, steps: &'static [Step]) -> Scene {
    Scene { name, streams: EITHER, steps }
}

pub const LATENCY: &[Scene] = &[
    scene(
        "noop changes nothing, whatever is done to it",
        &[
            Open,
            Send(5),
            Get(5, 0),
            Add("noop", "{}"),
            Send(5),
            Get(5, 0),
            Reply(3),
            ReplyGet(3),
            Open,
            Send(5),
            Get(5, 0),
            Change("noop", "{}"),
            Send(5),
            Get(5, 0),
            Remove("noop"),
            Send(5),
            Get(5, 0),
            First,
            Send(70_000),
            Get(70_000, 0),
            Fin,
            End(0),
        ],
    ),
    scene("latency, added to an open connection", &[Open, Send(5), Get(5, 0), Add("latency", r#"{"latency":300}"#), Send(5), Get(5, 300)]),
    scene("latency, met by a new connection", &[Add("latency", r#"{"latency":300}"#), Open, Send(5), Get(5, 300), Send(5), Get(5, 300)]),
    scene("latency is one way", &[Add("latency", r#"{"latency":60000}"#), Open, Reply(5), ReplyGet(5), Send(5), Silence]),
    scene(
        "latency, shortened: what is held goes",
        &[
            Add("latency", r#"{"latency":60000}"#),
            Open,
            Send(5),
            Silence,
            Send(5),
            Change("latency", r#"{"latency":100}"#),
            Get(10, 0),
            Send(5),
            Get(5, 100),
        ],
    ),
    scene(
        "latency, lengthened",
        &[
            Add("latency", r#"{"latency":0}"#),
            Open,
            Send(5),
            Get(5, 0),
            Change("latency", r#"{"latency":300}"#),
            Send(5),
            Get(5, 300),
            Open,
            Send(5),
            Get(5, 300),
        ],
    ),
    scene(
        "latency, removed: all that is held goes, in order",
        &[
            Add("latency", r#"{"latency":60000}"#),
            Open,
            Send(5),
            Silence,
            Send(5),
            Send(40_000),
            Remove("latency"),
            Get(40_010, 0),
            Send(5),
            Get(5, 0),
        ],
    ),
    scene(
        "latency, lengthened: what is held goes all the same",
        &[
            Add("latency", r#"{"latency":60000}"#),
            Open,
            Send(5),
            Silence,
            Change("latency", r#"{"latency":70000}"#),
            Get(5, 0),
            Send(5),
            Silence,
        ],
    ),
    scene(
        "latency, changed to what it is",
        &[Add("latency", r#"{"latency":60000}"#), Open, Send(5), Silence, Change("latency", "{}"), Get(5, 0)],
    ),
    scene("latency, removed: a new connection", &[Add("latency", r#"{"latency":60000}"#), Remove("latency"), Open, Send(5), Get(5, 0)]),
    scene("latency does not delay an end with nothing before it", &[Add("latency", r#"{"latency":60000}"#), Open, Fin, End(0)]),
    scene("latency, and an end behind what is held", &[Add("latency", r#"{"latency":300}"#), Open, Send(5), Fin, Get(5, 300), End(300)]),
    scene("latency with jitter", &[Add("latency", r#"{"latency":400,"jitter":100}"#), Open, Send(5), Get(5, 300)]),
    scene("latency that is none", &[Add("latency", r#"{"latency":-60000}"#), Open, Send(5), Get(5, 0)]),
    scene(
        "latency for nobody",
        &[
            Post(r#"{"type":"latency","name":"latency","stream":"{stream}","toxicity":0,"attributes":{"latency":60000}}"#),
            Open,
            Send(5),
            Get(5, 0),
        ],
    ),
    scene(
        "latency for nobody, and then for all",
        &[
            Post(r#"{"type":"latency","name":"latency","stream":"{stream}","toxicity":0,"attributes":{"latency":300}}"#),
            Open,
            Send(5),
            Get(5, 0),
            Ask("PATCH", "/proxies/{proxy}/toxics/latency", r#"{"toxicity":1}"#),
            Send(5),
            Get(5, 300),
        ],
    ),
    scene(
        "latency for all, and then for nobody: what is held goes",
        &[
            Add("latency", r#"{"latency":60000}"#),
            Open,
            Send(5),
            Silence,
            Ask("PATCH", "/proxies/{proxy}/toxics/latency", r#"{"toxicity":0}"#),
            Get(5, 0),
            Send(5),
            Get(5, 0),
        ],
    ),
];

/// What is held when a rate is raised has a test of its own: it can be the end of Toxiproxy.
pub const BANDWIDTH: &[Scene] = &[
    scene(
        "bandwidth, added to an open connection",
        &[Open, Send(5), Get(5, 0), Add("bandwidth", r#"{"rate":100}"#), Send(50_000), Get(50_000, 400)],
    ),
    scene(
        "bandwidth, met by a new connection",
        &[Add("bandwidth", r#"{"rate":100}"#), Open, Send(50_000), Get(50_000, 400), Reply(200_000), ReplyGet(200_000)],
    ),
    scene(
        "bandwidth, lowered",
        &[
            Add("bandwidth", r#"{"rate":100000}"#),
            Open,
            Send(50_000),
            Get(50_000, 0),
            Change("bandwidth", r#"{"rate":50}"#),
            Send(20_000),
            Get(20_000, 300),
        ],
    ),
    scene(
        "bandwidth, removed: what is held goes",
        &[Add("bandwidth", r#"{"rate":1}"#), Open, Send(60_000), Remove("bandwidth"), Get(60_000, 0)],
    ),
    scene(
        "bandwidth, changed: a new connection",
        &[Add("bandwidth", r#"{"rate":0}"#), Change("bandwidth", r#"{"rate":100}"#), Open, Send(50_000), Get(50_000, 400)],
    ),
    scene(
        "bandwidth, changed to what it is",
        &[
            Add("bandwidth", r#"{"rate":0}"#),
            Open,
            Send(5),
            Silence,
            Change("bandwidth", "{}"),
            Differs(
                &[Get(5, 0)],
                &[Silence, Remove("bandwidth"), Get(5, 0), Add("bandwidth", r#"{"rate":0}"#)],
                "whatever is held goes with every change there, also past a rate that would hold it",
            ),
            Send(5),
            Silence,
        ],
    ),
    scene(
        "bandwidth, removed: a new connection",
        &[Add("bandwidth", r#"{"rate":0}"#), Remove("bandwidth"), Open, Send(60_000), Get(60_000, 0)],
    ),
    scene(
        "bandwidth for nobody",
        &[
            Post(r#"{"type":"bandwidth","name":"bandwidth","stream":"{stream}","toxicity":0,"attributes":{"rate":0}}"#),
            Open,
            Send(5),
            Get(5, 0),
        ],
    ),
    scene(
        "bandwidth of nothing is silence, and loses nothing",
        &[
            Open,
            Send(5),
            Get(5, 0),
            Add("bandwidth", r#"{"rate":0}"#),
            Send(5),
            Silence,
            Reply(5),
            ReplyGet(5),
            Remove("bandwidth"),
            Get(5, 0),
            Send(5),
            Get(5, 0),
        ],
    ),
    scene(
        "bandwidth lowered to nothing",
        &[
            Add("bandwidth", r#"{"rate":1000}"#),
            Open,
            Send(5),
            Get(5, 0),
            Change("bandwidth", r#"{"rate":0}"#),
            Send(5),
            Silence,
            Remove("bandwidth"),
            Get(5, 0),
        ],
    ),
    scene(
        "bandwidth of nothing holds the end behind what it holds",
        &[Add("bandwidth", r#"{"rate":0}"#), Open, Send(5), Fin, Silence, Remove("bandwidth"), Get(5, 0), End(0)],
    ),
    scene("bandwidth of nothing, and an end with nothing before it", &[Add("bandwidth", r#"{"rate":0}"#), Open, Fin, End(0)]),
    // What Testcontainers calls a cut.
    scene(
        "bandwidth of nothing both ways",
        &[
            Open,
            Post(r#"{"type":"bandwidth","name":"CUT_CONNECTION_DOWNSTREAM","stream":"downstream","attributes":{"rate":0}}"#),
            Post(r#"{"type":"bandwidth","name":"CUT_CONNECTION_UPSTREAM","stream":"upstream","attributes":{"rate":0}}"#),
            Send(5),
            Reply(7),
            Silence,
            ReplySilence,
            Remove("CUT_CONNECTION_DOWNSTREAM"),
            Remove("CUT_CONNECTION_UPSTREAM"),
            Get(5, 0),
            ReplyGet(7),
        ],
    ),
    scene(
        "slicer, added to an open connection",
        &[Open, Send(5), Get(5, 0), Add("slicer", r#"{"average_size":100,"delay":40000}"#), Send(1000), Pieces(1000, 3, 62, 500)],
    ),
    scene(
        "slicer, met by a new connection",
        &[
            Add("slicer", r#"{"average_size":100,"size_variation":0,"delay":40000}"#),
            Open,
            Send(1000),
            Pieces(1000, 3, 62, 500),
            Reply(1000),
            ReplyGet(1000),
        ],
    ),
    scene(
        "slicer with variation",
        &[Add("slicer", r#"{"average_size":100,"size_variation":50,"delay":20000}"#), Open, Send(2000), Pieces(2000, 3, 1, 200)],
    ),
    scene(
        "slicer, changed: what is held goes",
        &[
            Add("slicer", r#"{"average_size":10,"delay":60000000}"#),
            Open,
            Send(100),
            Begin(100),
            Silence,
            Change("slicer", r#"{"average_size":1000,"delay":0}"#),
            Until(100),
            Send(100),
            Get(100, 0),
        ],
    ),
    scene(
        "slicer, removed: what is held goes",
        &[
            Add("slicer", r#"{"average_size":10,"delay":60000000}"#),
            Open,
            Send(100),
            Begin(100),
            Silence,
            Remove("slicer"),
            Until(100),
            Send(100),
            Get(100, 0),
        ],
    ),
    scene(
        "slicer, changed: a new connection",
        &[
            Add("slicer", r#"{"average_size":1000}"#),
            Change("slicer", r#"{"average_size":100,"delay":40000}"#),
            Open,
            Send(1000),
            Pieces(1000, 3, 62, 500),
        ],
    ),
    scene(
        "slicer, removed: a new connection",
        &[Add("slicer", r#"{"average_size":10,"delay":60000000}"#), Remove("slicer"), Open, Send(100), Get(100, 0)],
    ),
    scene("slicer without delay", &[Add("slicer", r#"{"average_size":10,"delay":0}"#), Open, Send(5000), Get(5000, 0), Fin, End(0)]),
    scene(
        "slicer, and an end behind what it holds",
        &[Add("slicer", r#"{"average_size":100,"delay":20000}"#), Open, Send(1000), Fin, Get(1000, 200), End(200)],
    ),
];
