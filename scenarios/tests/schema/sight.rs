//! For every file of `mistakes`: where a schema sees what is wrong, or why it cannot. Of a file with several mistakes it may see some.

/// What a schema sees of a file.
pub enum Sight {
    /// These places, and no others.
    Marks(&'static [&'static str]),
    /// Nothing, because of this.
    Blind(&'static str),
    /// It is asked about nothing that can be read.
    NotYaml,
}

use Sight::{Blind, Marks, NotYaml};

const CONDITION: &str = "conditions are a language of their own, of which a schema sees the first word";
const DEFAULTS: &str = "the defaults of a file may say what goes wrong";
const FAULTS: &str = "a schema does not compare one fault with another";
const FILES: &str = "it is about other files";
const LATER: &str = "it is right, and comes with a later version: the prose says so";
const NAME: &str = "a name is right or wrong by what stands elsewhere";
const PROTOCOL: &str = "what a proxy speaks stands elsewhere";
const PROXIES: &str = "a schema does not compare one proxy with another";
const SURROUNDINGS: &str = "any text with a variable may be right";
const WARNING: &str = "it is accepted: a warning is no error";

pub const MISTAKES: &[(&str, Sight)] = &[
    ("bare-probability", Marks(&["/faults/0/probability"])),
    ("bracket", NotYaml),
    ("conditions", Blind(CONDITION)),
    ("contradiction", Blind(CONDITION)),
    ("defaults", Marks(&["/defaults", "/defaults/jitter"])),
    ("down-for-some", Marks(&["/faults/0/probability"])),
    ("duplicate-key", NotYaml),
    (
        "effects",
        Marks(&[
            "/faults/0/status",
            "/faults/1/status",
            "/faults/13/sequence",
            "/faults/15/latency",
            "/faults/19/draw",
            "/faults/3/over",
            "/faults/8/truncate",
        ]),
    ),
    ("empty", NotYaml),
    ("ephemeral-port", Blind(WARNING)),
    ("expectations", Marks(&["/expect/0", "/expect/1", "/expect/2", "/expect/4"])),
    ("include-itself", Blind(FILES)),
    ("late-latency", Blind(WARNING)),
    ("later", Blind(LATER)),
    ("listen-forgotten", Marks(&["/proxies/redis"])),
    ("loop", Blind(PROXIES)),
    ("loss-on-tcp", Blind(PROTOCOL)),
    ("m01-typo", Marks(&["/faults/0"])),
    ("m02-no-unit", Marks(&["/faults/0/latency"])),
    ("m03-bare-probability", Marks(&["/faults/0/probability"])),
    ("m04-unknown-proxy", Blind(NAME)),
    ("m05-l7-on-tcp", Blind(PROTOCOL)),
    ("m06-two-endings", Marks(&["/faults/0/reset", "/faults/0/status"])),
    ("m07-toxiproxy-words", Marks(&["/faults/0"])),
    ("m08-regex-for-glob", Blind(WARNING)),
    ("m09-port-twice", Blind(PROXIES)),
    ("m10-ephemeral-port", Blind(WARNING)),
    ("m11-db-error-name", Blind(PROTOCOL)),
    ("m12-loss-on-tcp", Blind(PROTOCOL)),
    ("m13-endless-phase", Marks(&["/phases/0", "/phases/1"])),
    ("m14-listen-forgotten", Marks(&["/proxies/redis"])),
    ("m15-nothing", Blind(DEFAULTS)),
    ("m16-duplicate-key", NotYaml),
    ("m17-tab", NotYaml),
    ("m18-condition", Blind(CONDITION)),
    ("m19-misspelt-definition", Blind(NAME)),
    ("m20-no-baseline", Blind(CONDITION)),
    ("m21-never-reached", Blind(FAULTS)),
    ("m22-nothing-to-measure", Blind(WARNING)),
    ("m23-no-door", Blind(CONDITION)),
    ("m24-down-for-some", Marks(&["/faults/0/match"])),
    ("m25-over-what", Marks(&["/faults/0/over"])),
    ("m26-yes", Marks(&["/faults/0/down"])),
    ("m27-websocket-scheme", Marks(&["/proxies/chat"])),
    ("m28-measure-on-bytes", Blind(PROTOCOL)),
    ("m29-expected-for-ever", Marks(&["/expect/0"])),
    ("match", Marks(&["/faults/4/match"])),
    ("misspelt-definition", Blind(NAME)),
    ("moments", Blind(PROTOCOL)),
    ("never-reached", Blind(FAULTS)),
    ("no-abort", Blind(WARNING)),
    ("no-unit", Marks(&["/faults/0/latency"])),
    ("not-in-protocol", Blind(PROTOCOL)),
    ("not-yaml", NotYaml),
    ("nothing", Blind(DEFAULTS)),
    ("nothing-fits", Blind(NAME)),
    (
        "outside",
        Marks(&[
            "/confidence",
            "/limits/max_affected",
            "/limits/max_duration",
            "/limits/max_rate",
            "/probes/typo",
            "/probes/unit/unit",
            "/recover_within",
            "/roles",
        ]),
    ),
    ("partition", Marks(&["/faults/1/partition"])),
    ("port-twice", Blind(PROXIES)),
    ("protected", Blind(WARNING)),
    ("recovered", Marks(&["/phases/1/gate"])),
    ("replay-missing", Blind(FILES)),
    ("same-name", Blind(FAULTS)),
    ("shapes", Marks(&["/defaults", "/faults", "/proxies", "/seed"])),
    ("tab", NotYaml),
    ("toxiproxy-words", Marks(&["/faults/0"])),
    ("two-endings", Marks(&["/faults/0/close", "/faults/0/reset"])),
    ("two-protocols", Marks(&["/proxies/c"])),
    ("typo", Marks(&["/faults/0"])),
    ("unknown-keys", Marks(&["", "/proxies/redis"])),
    ("unknown-proxy", Blind(NAME)),
    ("variables", Blind(SURROUNDINGS)),
    ("websocket-scheme", Marks(&["/proxies/chat"])),
    ("yes", Marks(&["/faults/0/down"])),
];
