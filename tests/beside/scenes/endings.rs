//! Toxics that end connections, or their ends: `timeout`, `slow_close`, `reset_peer`, `limit_data`.

use crate::beside::stage::{
    EITHER, Scene,
    Step::{self, *},
};

const fn scene(name: &'static str, steps: &'static [Step]) -> Scene {
    Scene { name, streams: EITHER, steps }
}

pub const TIMEOUT: &[Scene] = &[
    scene("timeout, met by a new connection", &[Add("timeout", r#"{"timeout":1500}"#), Open, Send(5), End(1500), ReplyGone]),
    scene("timeout without a byte", &[Add("timeout", r#"{"timeout":300}"#), Open, End(300), ReplyGone]),
    scene("timeout, added to an open connection", &[Open, Send(5), Get(5, 0), Add("timeout", r#"{"timeout":1500}"#), Send(5), End(1500)]),
    scene(
        "timeout begins again with every byte",
        &[Add("timeout", r#"{"timeout":3000}"#), Open, Send(1), Silence, Silence, Send(1), Silence, Silence, Send(1), End(3000)],
    ),
    scene("timeout of nothing lasts", &[Add("timeout", r#"{"timeout":0}"#), Open, Send(5), Silence, Reply(5), ReplyGet(5), Silence]),
    scene(
        "timeout, removed: whoever had it is closed",
        &[
            Open,
            Send(5),
            Get(5, 0),
            Add("timeout", r#"{"timeout":0}"#),
            Open,
            Send(5),
            Silence,
            Remove("timeout"),
            End(0),
            ReplyGone,
            First,
            End(0),
            ReplyGone,
            Open,
            Send(5),
            Get(5, 0),
        ],
    ),
    scene(
        "timeout, removed: those that it did not act on are closed as well",
        &[
            Post(r#"{"type":"timeout","name":"timeout","stream":"{stream}","toxicity":0}"#),
            Open,
            Send(5),
            Get(5, 0),
            Remove("timeout"),
            End(0),
            ReplyGone,
        ],
    ),
    scene(
        "timeout for nobody any more: the connection lives, what was lost is lost",
        &[
            Add("timeout", r#"{"timeout":0}"#),
            Open,
            Send(5),
            Silence,
            Ask("PATCH", "/proxies/{proxy}/toxics/timeout", r#"{"toxicity":0}"#),
            Send(5),
            Lost(5),
            Get(5, 0),
        ],
    ),
    scene(
        "timeout, changed to end",
        &[Add("timeout", r#"{"timeout":0}"#), Open, Send(5), Silence, Change("timeout", r#"{"timeout":300}"#), End(300)],
    ),
    scene(
        "timeout, changed to last",
        &[Add("timeout", r#"{"timeout":30000}"#), Open, Send(5), Change("timeout", r#"{"timeout":0}"#), Silence, Remove("timeout"), End(0)],
    ),
    scene(
        "timeout, changed: a new connection",
        &[Add("timeout", r#"{"timeout":0}"#), Change("timeout", r#"{"timeout":1500}"#), Open, Send(5), End(1500)],
    ),
    scene("timeout, and an end", &[Add("timeout", r#"{"timeout":0}"#), Open, Send(5), Fin, End(0)]),
    scene("slow_close, met by a new connection", &[Add("slow_close", r#"{"delay":300}"#), Open, Send(5), Get(5, 0), Fin, End(300)]),
    scene("slow_close, added to an open connection", &[Open, Send(5), Get(5, 0), Add("slow_close", r#"{"delay":300}"#), Fin, End(300)]),
    scene("slow_close is about one way", &[Add("slow_close", r#"{"delay":60000}"#), Open, ReplyFin, ReplyEnd]),
    scene(
        "slow_close, shortened meanwhile",
        &[
            Add("slow_close", r#"{"delay":60000}"#),
            Open,
            Send(5),
            Get(5, 0),
            Fin,
            Silence,
            Change("slow_close", r#"{"delay":200}"#),
            End(200),
        ],
    ),
    scene(
        "slow_close, lengthened meanwhile: it begins again",
        &[Add("slow_close", r#"{"delay":3000}"#), Open, Fin, Silence, Change("slow_close", r#"{"delay":3100}"#), End(3100)],
    ),
    scene(
        "slow_close, changed: a new connection",
        &[Add("slow_close", r#"{"delay":60000}"#), Change("slow_close", r#"{"delay":300}"#), Open, Fin, End(300)],
    ),
    scene(
        "slow_close, removed: a new connection",
        &[Add("slow_close", r#"{"delay":60000}"#), Remove("slow_close"), Open, Send(5), Fin, Get(5, 0), End(0)],
    ),
    scene(
        "slow_close for nobody",
        &[
            Post(r#"{"type":"slow_close","name":"slow_close","stream":"{stream}","toxicity":0,"attributes":{"delay":60000}}"#),
            Open,
            Fin,
            End(0),
        ],
    ),
    scene(
        "slow_close, removed meanwhile",
        &[Add("slow_close", r#"{"delay":60000}"#), Open, Send(5), Get(5, 0), Fin, Silence, Remove("slow_close"), End(0)],
    ),
    scene(
        "slow_close, removed before",
        &[Add("slow_close", r#"{"delay":60000}"#), Open, Remove("slow_close"), Send(5), Fin, Get(5, 0), End(0)],
    ),
];

pub const RESET: &[Scene] = &[
    scene("reset_peer, met by a new connection", &[Add("reset_peer", r#"{"timeout":0}"#), Open, Silence, Send(5), Reset(0), ReplyReset]),
    scene("reset_peer with a wait", &[Add("reset_peer", r#"{"timeout":300}"#), Open, Silence, Send(5), Reset(300), ReplyReset]),
    scene("reset_peer at an end", &[Add("reset_peer", r#"{"timeout":200}"#), Open, Fin, Reset(200), ReplyReset]),
    scene(
        "reset_peer waits for its own stream",
        &[Add("reset_peer", r#"{"timeout":0}"#), Open, Reply(5), ReplyGet(5), Silence, Send(5), Reset(0)],
    ),
    scene(
        "reset_peer, added to an open connection",
        &[
            Open,
            Send(5),
            Get(5, 0),
            Add("reset_peer", r#"{"timeout":0}"#),
            Silence,
            Send(5),
            Differs(&[End(0), ReplyGone], &[Reset(0), ReplyReset], "what is older than the toxic only gets an end there"),
        ],
    ),
    scene(
        "reset_peer, changed",
        &[Add("reset_peer", r#"{"timeout":60000}"#), Open, Change("reset_peer", r#"{"timeout":200}"#), Send(5), Reset(200)],
    ),
    scene(
        "reset_peer, changed: a new connection",
        &[Add("reset_peer", r#"{"timeout":60000}"#), Change("reset_peer", r#"{"timeout":200}"#), Open, Send(5), Reset(200)],
    ),
    scene(
        "reset_peer, removed: a new connection",
        &[Add("reset_peer", r#"{"timeout":0}"#), Remove("reset_peer"), Open, Send(5), Get(5, 0), Fin, End(0)],
    ),
    scene(
        "reset_peer, removed: an open connection",
        &[
            Add("reset_peer", r#"{"timeout":0}"#),
            Open,
            Reply(5),
            ReplyGet(5),
            Remove("reset_peer"),
            Send(5),
            Get(5, 0),
            Fin,
            Differs(&[Reset(0)], &[End(0)], "whoever was there with the toxic ends in a reset there, also without it"),
        ],
    ),
    scene(
        "reset_peer for nobody",
        &[
            Post(r#"{"type":"reset_peer","name":"reset_peer","stream":"{stream}","toxicity":0}"#),
            Open,
            Send(5),
            Get(5, 0),
            Fin,
            Differs(&[Reset(0)], &[End(0)], "whoever is there with the toxic ends in a reset there, also if it is for nobody"),
        ],
    ),
    scene(
        "limit_data, met by a new connection",
        &[Add("limit_data", r#"{"bytes":100}"#), Open, Send(60), Get(60, 0), Send(60), Get(40, 0), End(0), ReplyGone],
    ),
    scene(
        "limit_data, added to an open connection: it counts from then on",
        &[Open, Send(60), Get(60, 0), Add("limit_data", r#"{"bytes":100}"#), Send(60), Get(60, 0), Send(60), Get(40, 0), End(0)],
    ),
    scene("limit_data that fits", &[Add("limit_data", r#"{"bytes":100}"#), Open, Send(100), Get(100, 0), End(0)]),
    scene("limit_data of nothing", &[Add("limit_data", r#"{"bytes":0}"#), Open, Silence, Send(1), End(0)]),
    scene("limit_data below nothing", &[Add("limit_data", r#"{"bytes":-1}"#), Open, Silence, Send(1), End(0)]),
    scene(
        "limit_data counts one way",
        &[Add("limit_data", r#"{"bytes":10}"#), Open, Reply(100), ReplyGet(100), Send(10), Get(10, 0), End(0)],
    ),
    scene(
        "limit_data, lowered: what has been counted stands",
        &[
            Add("limit_data", r#"{"bytes":100}"#),
            Open,
            Send(60),
            Get(60, 0),
            Change("limit_data", r#"{"bytes":80}"#),
            Send(60),
            Get(20, 0),
            End(0),
        ],
    ),
    scene(
        "limit_data, lowered below what has been counted",
        &[
            Add("limit_data", r#"{"bytes":100}"#),
            Open,
            Send(60),
            Get(60, 0),
            Silence,
            Change("limit_data", r#"{"bytes":10}"#),
            Silence,
            Send(60),
            End(0),
        ],
    ),
    scene(
        "limit_data, changed: a new connection",
        &[Add("limit_data", r#"{"bytes":100}"#), Change("limit_data", r#"{"bytes":20}"#), Open, Send(60), Get(20, 0), End(0)],
    ),
    scene(
        "limit_data, removed: a new connection",
        &[Add("limit_data", r#"{"bytes":10}"#), Remove("limit_data"), Open, Send(60), Get(60, 0), Fin, End(0)],
    ),
    scene(
        "limit_data, raised",
        &[
            Add("limit_data", r#"{"bytes":100}"#),
            Open,
            Send(60),
            Get(60, 0),
            Change("limit_data", r#"{"bytes":200}"#),
            Send(200),
            Get(140, 0),
            End(0),
        ],
    ),
    scene(
        "limit_data, removed, and added again: it counts anew",
        &[
            Add("limit_data", r#"{"bytes":100}"#),
            Open,
            Send(60),
            Get(60, 0),
            Remove("limit_data"),
            Send(100),
            Get(100, 0),
            Add("limit_data", r#"{"bytes":100}"#),
            Send(100),
            Get(100, 0),
            End(0),
        ],
    ),
    scene(
        "limit_data for nobody",
        &[
            Post(r#"{"type":"limit_data","name":"limit_data","stream":"{stream}","toxicity":0,"attributes":{"bytes":1}}"#),
            Open,
            Send(60),
            Get(60, 0),
        ],
    ),
];
