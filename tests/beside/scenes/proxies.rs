//! What happens to connections when their proxy is turned off, moved, removed or populated again; and when nobody is behind it.

use crate::beside::stage::{
    DOWN, EITHER, Scene,
    Step::{self, *},
};

const fn scene(name: &'static str, steps: &'static [Step]) -> Scene {
    Scene { name, streams: EITHER, steps }
}

const fn down(name: &'static str, steps: &'static [Step]) -> Scene {
    Scene { name, streams: DOWN, steps }
}

const SAME: &str = r#"[{"name":"{proxy}","listen":"{listen}","upstream":"{upstream}"}]"#;
const WILDCARD: &str = r#"[{"name":"{proxy}","listen":"0.0.0.0:{port}","upstream":"{upstream}"}]"#;

const REFUSED: Step =
    Differs(&[End(0)], &[Reset(0)], "there a client cannot tell a server that is not there from one that has nothing to say");

pub const PROXIES: &[Scene] = &[
    scene("nothing is wrong", &[Open, Send(3_000_000), Get(3_000_000, 0), Reply(1000), ReplyGet(1000), Fin, End(0)]),
    scene(
        "an end does not end the other way",
        &[
            Open,
            Send(5),
            Fin,
            Get(5, 0),
            End(0),
            Reply(5),
            Differs(&[ReplyGone], &[ReplyGet(5), ReplyFin, ReplyEnd], "an end of one way ends both there"),
        ],
    ),
    scene("a reset", &[Open, Send(5), Get(5, 0), Rst, Differs(&[End(0)], &[Reset(0)], "a reset is an end there")]),
    scene(
        "turned off and on",
        &[
            Open,
            Send(5),
            Get(5, 0),
            Ask("PATCH", "/proxies/{proxy}", r#"{"enabled":false}"#),
            End(0),
            ReplyEnd,
            Refused,
            Ask("PATCH", "/proxies/{proxy}", r#"{"enabled":true}"#),
            Open,
            Send(5),
            Get(5, 0),
            Ask("POST", "/proxies/{proxy}", r#"{"enabled":true}"#),
            Send(5),
            Get(5, 0),
        ],
    ),
    scene(
        "turned off with something held: it is lost",
        &[
            Add("latency", r#"{"latency":60000}"#),
            Open,
            Send(5),
            Silence,
            Ask("PATCH", "/proxies/{proxy}", r#"{"enabled":false}"#),
            End(0),
            ReplyGone,
            Ask("PATCH", "/proxies/{proxy}", r#"{"enabled":true}"#),
            Open,
            Send(5),
            Silence,
        ],
    ),
    scene("removed", &[Open, Send(5), Get(5, 0), Ask("DELETE", "/proxies/{proxy}", ""), End(0), ReplyEnd, Refused]),
    scene(
        "led elsewhere",
        &[
            Open,
            Send(5),
            Get(5, 0),
            Ask("PATCH", "/proxies/{proxy}", r#"{"upstream":"localhost:{upstream_port}"}"#),
            End(0),
            ReplyEnd,
            Open,
            Send(5),
            Get(5, 0),
        ],
    ),
    scene(
        "led where it leads",
        &[
            Open,
            Ask("PATCH", "/proxies/{proxy}", r#"{"upstream":"{upstream}"}"#),
            Ask("PATCH", "/proxies/{proxy}", r#"{"listen":"localhost:{port}"}"#),
            Send(5),
            Get(5, 0),
        ],
    ),
    scene("moved", &[Open, Send(5), Get(5, 0), Ask("PATCH", "/proxies/{proxy}", r#"{"listen":"127.0.0.1:0"}"#), End(0), ReplyEnd, Refused]),
    scene("populated as it is", &[Add("latency", r#"{"latency":300}"#), Open, Ask("POST", "/populate", SAME), Send(5), Get(5, 300)]),
    scene(
        "populated otherwise",
        &[
            Add("latency", r#"{"latency":60000}"#),
            Open,
            Ask("POST", "/populate", r#"[{"name":"{proxy}","listen":"{listen}","upstream":"localhost:{upstream_port}"}]"#),
            End(0),
            ReplyEnd,
            Open,
            Send(5),
            Get(5, 0),
        ],
    ),
    scene(
        "at all addresses, and told so again",
        &[
            Ask("POST", "/populate", WILDCARD),
            Open,
            Send(5),
            Get(5, 0),
            Ask("POST", "/populate", WILDCARD),
            Differs(&[End(0), ReplyEnd, Open], &[], "how an address is written counts there, so it is another proxy"),
            Send(5),
            Get(5, 0),
            Ask("PATCH", "/proxies/{proxy}", r#"{"listen":"0.0.0.0:{port}"}"#),
            Differs(&[End(0), ReplyEnd, Open], &[], "how an address is written counts there, so it moves"),
            Send(5),
            Get(5, 0),
            Ask("PATCH", "/proxies/{proxy}", r#"{"enabled":true,"listen":":{port}"}"#),
            Differs(&[End(0), ReplyEnd, Open], &[], "how an address is written counts there, so it moves"),
            Send(5),
            Get(5, 0),
        ],
    ),
    down("nobody behind it", &[Ask("PATCH", "/proxies/{proxy}", r#"{"upstream":"{dead}"}"#), OpenAlone, REFUSED, OpenAlone, REFUSED]),
    down("no address behind it", &[Ask("PATCH", "/proxies/{proxy}", r#"{"upstream":"nonsense"}"#), OpenAlone, REFUSED]),
    scene(
        "it goes on after nobody was behind it",
        &[
            Ask("PATCH", "/proxies/{proxy}", r#"{"upstream":"{dead}"}"#),
            OpenAlone,
            REFUSED,
            Ask("PATCH", "/proxies/{proxy}", r#"{"upstream":"{upstream}"}"#),
            Open,
            Send(5),
            Get(5, 0),
        ],
    ),
];

pub const RESET: &[Scene] = &[
    scene(
        "reset: what was held goes, and connections stay",
        &[
            Add("latency", r#"{"latency":60000}"#),
            Add("bandwidth", r#"{"rate":0}"#),
            Open,
            Send(5),
            Silence,
            Ask("POST", "/reset", ""),
            Get(5, 0),
            Send(5),
            Get(5, 0),
        ],
    ),
    scene(
        "reset: a timeout is removed like any other, and closes",
        &[Add("timeout", r#"{"timeout":0}"#), Open, Send(5), Silence, Ask("POST", "/reset", ""), End(0), Open, Send(5), Get(5, 0)],
    ),
    scene(
        "reset: what was off is on, at its port",
        &[
            Open,
            Ask("PATCH", "/proxies/{proxy}", r#"{"enabled":false}"#),
            End(0),
            Refused,
            Ask("POST", "/reset", ""),
            Open,
            Send(5),
            Get(5, 0),
            Ask("POST", "/reset", ""),
            Send(5),
            Get(5, 0),
        ],
    ),
];
