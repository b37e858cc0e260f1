//! Two toxics in one stream: each acts in its place.

use crate::beside::stage::{
    EITHER, Scene,
    Step::{self, *},
};

const fn scene(name: &'static str, steps: &'static [Step]) -> Scene {
    Scene { name, streams: EITHER, steps }
}

const NEIGHBOUR: &str = "what stands before the place of a change begins anew there: it lets go, throws its coin and starts its clock";

pub const CHAINS: &[Scene] = &[
    scene(
        "two latencies add up",
        &[
            Add("latency", r#"{"latency":200}"#),
            Post(r#"{"type":"latency","name":"second","stream":"{stream}","attributes":{"latency":400}}"#),
            Open,
            Send(5),
            Differs(&[Get(5, 400)], &[Get(5, 600)], "what a busy machine takes to look at the first is taken off the second there"),
            Remove("second"),
            Send(5),
            Get(5, 200),
        ],
    ),
    scene(
        "a latency each way",
        &[
            Post(r#"{"type":"latency","stream":"upstream","attributes":{"latency":200}}"#),
            Post(r#"{"type":"latency","stream":"downstream","attributes":{"latency":300}}"#),
            Open,
            Send(5),
            Get(5, 200),
            Reply(5),
            ReplyGet(5),
        ],
    ),
    scene(
        "latency, then limit_data",
        &[Add("latency", r#"{"latency":300}"#), Add("limit_data", r#"{"bytes":5}"#), Open, Send(60), Get(5, 300), End(300)],
    ),
    scene(
        "limit_data, then latency",
        &[Add("limit_data", r#"{"bytes":5}"#), Add("latency", r#"{"latency":300}"#), Open, Send(60), Get(5, 300), End(300)],
    ),
    scene(
        "latency, then slow_close",
        &[Add("latency", r#"{"latency":200}"#), Add("slow_close", r#"{"delay":500}"#), Open, Send(5), Fin, Get(5, 200), End(500)],
    ),
    scene(
        "slow_close, then latency",
        &[Add("slow_close", r#"{"delay":500}"#), Add("latency", r#"{"latency":200}"#), Open, Send(5), Fin, Get(5, 200), End(500)],
    ),
    scene(
        "latency, then timeout",
        &[Add("latency", r#"{"latency":500}"#), Add("timeout", r#"{"timeout":2000}"#), Open, Send(5), End(2500)],
    ),
    scene(
        "timeout, then latency",
        &[Add("timeout", r#"{"timeout":0}"#), Add("latency", r#"{"latency":200}"#), Open, Send(5), Silence, Fin, End(0)],
    ),
    scene(
        "latency, then reset_peer",
        &[Add("latency", r#"{"latency":300}"#), Add("reset_peer", r#"{"timeout":0}"#), Open, Send(5), Reset(300), ReplyReset],
    ),
    scene(
        "bandwidth of nothing, then reset_peer, which waits for what does not come",
        &[
            Add("bandwidth", r#"{"rate":0}"#),
            Add("reset_peer", r#"{"timeout":0}"#),
            Open,
            Send(5),
            Differs(&[], &[Silence, Remove("bandwidth")], "nothing is handed on there as pieces without a byte, and those count"),
            Reset(0),
        ],
    ),
    scene(
        "reset_peer, then bandwidth of nothing",
        &[Add("reset_peer", r#"{"timeout":0}"#), Add("bandwidth", r#"{"rate":0}"#), Open, Send(5), Reset(0)],
    ),
    scene(
        "slicer, then bandwidth",
        &[Add("slicer", r#"{"average_size":1000}"#), Add("bandwidth", r#"{"rate":100}"#), Open, Send(30_000), Get(30_000, 200)],
    ),
    scene(
        "bandwidth, then slicer",
        &[Add("bandwidth", r#"{"rate":100}"#), Add("slicer", r#"{"average_size":1000}"#), Open, Send(30_000), Get(30_000, 200)],
    ),
    scene(
        "slicer, then latency",
        &[
            Add("slicer", r#"{"average_size":100,"delay":150000}"#),
            Add("latency", r#"{"latency":2500}"#),
            Open,
            Send(1000),
            GetBefore(1000, 4500),
        ],
    ),
    scene(
        "bandwidth, then latency",
        &[Add("bandwidth", r#"{"rate":10}"#), Add("latency", r#"{"latency":2500}"#), Open, Send(25_000), GetBefore(25_000, 4500)],
    ),
    scene(
        "latency, then bandwidth",
        &[Add("latency", r#"{"latency":300}"#), Add("bandwidth", r#"{"rate":100}"#), Open, Send(30_000), Get(30_000, 500)],
    ),
    scene(
        "slicer, then limit_data",
        &[Add("slicer", r#"{"average_size":100}"#), Add("limit_data", r#"{"bytes":150}"#), Open, Send(1000), Get(150, 0), End(0)],
    ),
    scene(
        "latency, then bandwidth of nothing",
        &[Add("latency", r#"{"latency":200}"#), Add("bandwidth", r#"{"rate":0}"#), Open, Send(5), Silence, Remove("bandwidth"), Get(5, 0)],
    ),
    scene(
        "limit_data twice",
        &[
            Add("limit_data", r#"{"bytes":50}"#),
            Post(r#"{"type":"limit_data","name":"second","stream":"{stream}","attributes":{"bytes":20}}"#),
            Open,
            Send(60),
            Get(20, 0),
            End(0),
        ],
    ),
    scene(
        "one of two is removed: the other goes on as it was",
        &[
            Add("limit_data", r#"{"bytes":100}"#),
            Add("latency", r#"{"latency":60000}"#),
            Open,
            Send(60),
            Silence,
            Remove("latency"),
            Get(60, 0),
            Send(60),
            Get(40, 0),
            End(0),
        ],
    ),
    scene(
        "one is added behind a latency that holds",
        &[Add("latency", r#"{"latency":60000}"#), Open, Send(5), Silence, Add("noop", "{}"), Differs(&[Get(5, 0)], &[Silence], NEIGHBOUR)],
    ),
    scene(
        "one is added behind a bandwidth that holds",
        &[Add("bandwidth", r#"{"rate":0}"#), Open, Send(5), Silence, Add("noop", "{}"), Differs(&[Get(5, 0)], &[Silence], NEIGHBOUR)],
    ),
    scene(
        "one is removed behind a latency that holds",
        &[
            Add("latency", r#"{"latency":60000}"#),
            Add("noop", "{}"),
            Open,
            Send(5),
            Silence,
            Remove("noop"),
            Differs(&[Get(5, 0)], &[Silence], NEIGHBOUR),
        ],
    ),
    scene(
        "one is changed behind a latency that holds",
        &[Add("latency", r#"{"latency":60000}"#), Add("noop", "{}"), Open, Send(5), Silence, Change("noop", "{}"), Silence],
    ),
    scene(
        "one is removed before a latency that holds",
        &[Add("noop", "{}"), Add("latency", r#"{"latency":60000}"#), Open, Send(5), Silence, Remove("noop"), Silence],
    ),
    scene(
        "one is added behind a timeout",
        &[Add("timeout", r#"{"timeout":4000}"#), Open, Pass(2000), Add("noop", "{}"), Differs(&[End(4000)], &[EndBefore(3600)], NEIGHBOUR)],
    ),
    scene(
        "one is added behind a slow_close",
        &[
            Add("slow_close", r#"{"delay":4000}"#),
            Open,
            Fin,
            Pass(2000),
            Add("noop", "{}"),
            Differs(&[End(4000)], &[EndBefore(3600)], NEIGHBOUR),
        ],
    ),
    scene(
        "one is added behind a limit_data",
        &[Add("limit_data", r#"{"bytes":100}"#), Open, Send(60), Get(60, 0), Add("noop", "{}"), Send(60), Get(40, 0), End(0)],
    ),
    scene(
        "one is added behind one that holds",
        &[
            Add("bandwidth", r#"{"rate":0}"#),
            Open,
            Send(5),
            Silence,
            Add("latency", r#"{"latency":200}"#),
            Remove("bandwidth"),
            Get(5, 0),
            Send(5),
            Get(5, 200),
        ],
    ),
];
