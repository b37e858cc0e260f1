//! No input is too much: whatever stands in a file of 1 MiB, it is read in a moment, and is never a panic. Without optimisation the
//! files are a quarter of that, and the limit is for a busy machine; with it each takes less than a second. `EVIL=folder` writes them.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test takes the time and may fail")]

use faultwire_scenarios::{render, scenario};
use std::{
    io,
    time::{Duration, Instant},
};

const MIB: usize = if cfg!(debug_assertions) { 1 << 18 } else { 1 << 20 };
const LIMIT: Duration = Duration::from_secs(20);

/// As many lines as fit into 1 MiB.
fn fill(head: &str, line: impl Fn(usize) -> String) -> String {
    let mut text = head.to_owned();
    for i in 0.. {
        let line = line(i);
        if text.len() + line.len() > MIB {
            break;
        }
        text += &line;
    }
    text
}

fn long(c: &str) -> String {
    c.repeat((MIB - 200) / c.len())
}

const SHOP: &str = "proxies:\n  shop: 8080 -> http://shop:8080\n";

fn inputs() -> Vec<(&'static str, String)> {
    let laughs: String = (1..30).map(|i| format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 9].join(", "))).collect();
    let nots = format!("{}path: /x{}", "not: { ".repeat(40), " }".repeat(40));
    vec![
        ("brackets", long("[")),
        ("maps", long("{a: ")),
        ("dashes", long("- ")),
        ("laughs", format!("x-a: &a0 ha\n{laughs}")),
        ("one key", format!("{}: 1\n", long("k"))),
        ("one text", format!("name: {}\n", long("x"))),
        ("one quoted text", format!("name: \"{}\"\n", long("\\u00e4"))),
        ("one comment", format!("# {}\n", long("#"))),
        ("one number", format!("seed: {}\n", long("9"))),
        ("dollars", format!("name: \"{}\"\n", long("$$"))),
        ("variables", format!("name: \"{}\"\n", long("${A:-x}"))),
        ("open variables", format!("name: \"{}\"\n", long("${"))),
        ("nested variables", format!("name: \"{}{}\"\n", "${A:-".repeat(150_000), "}".repeat(150_000))),
        ("one link", format!("proxies:\n  a: {}\n", long("-> "))),
        ("one latency", format!("{SHOP}faults:\n  - {{ proxy: shop, latency: \"{}\" }}\n", long("1s"))),
        ("one ramp", format!("{SHOP}faults:\n  - {{ proxy: shop, latency: \"{}\" }}\n", long("1s to 2s over "))),
        ("one range", format!("{SHOP}faults:\n  - {{ proxy: shop, latency: \"{}\" }}\n", long("1s.."))),
        ("one match", format!("{SHOP}faults:\n  - {{ proxy: shop, match: \"GET /{}\", latency: 1s }}\n", long("*a"))),
        (
            "one regex",
            format!("{SHOP}faults:\n  - {{ proxy: shop, match: {{ path: {{ regex: \"{}\" }} }}, latency: 1s }}\n", long("(a*)*")),
        ),
        (
            "one small regex",
            format!("{SHOP}faults:\n  - {{ proxy: shop, match: {{ path: {{ regex: \"{}\" }} }}, latency: 1s }}\n", "((a{100}){100}){100}"),
        ),
        ("nested nots", format!("{SHOP}faults:\n  - {{ proxy: shop, match: {{ {nots} }}, latency: 1s }}\n")),
        ("one condition", format!("{SHOP}expect: [\"{}\"]\n", long("p95(shop) < 1s for "))),
        ("one subject", format!("{SHOP}expect: [\"{}(shop) < 1s\"]\n", long("p"))),
        ("parentheses", format!("{SHOP}expect: [\"{}\"]\n", long("p95("))),
        ("one sequence", format!("{SHOP}faults:\n  - {{ proxy: shop, sequence: \"{}\", status: 503 }}\n", long("pass "))),
        ("one partition", format!("{SHOP}faults:\n  - {{ partition: \"{}\" }}\n", long("a <-> "))),
        ("keys of a file", fill("", |i| format!("k{i}: 1\n"))),
        ("near keys of a file", fill("", |i| format!("faults{i}: 1\n"))),
        ("keys of a fault", fill("faults:\n  - proxy: a\n", |i| format!("    latenc{i}: 1\n"))),
        ("keys of defaults", fill("faults: [{}, {}, {}]\ndefaults:\n", |i| format!("  probabilit{i}: 1\n"))),
        (
            "defaults and faults",
            format!(
                "{}{}",
                fill("defaults:\n", |i| if i < 30_000 { format!("  k{i}: 1\n") } else { long("x") }),
                "faults:\n".to_owned() + &"  - {}\n".repeat(50_000)
            ),
        ),
        ("keys of a match", fill("faults:\n  - proxy: a\n    match:\n", |i| format!("      pat{i}: 1\n"))),
        ("links", fill("links:\n", |i| format!("  k{i}: x\n"))),
        ("doubled keys", fill("faults:\n  - proxy: a\n", |_| "    latency: 1s\n".to_owned())),
        ("includes", fill("include:\n", |i| format!("  - f{i}\n"))),
        ("proxies", fill("proxies:\n", |i| format!("  p{i}: {} -> http://h:1\n", i % 60_000 + 1))),
        ("proxies on one port", fill("proxies:\n", |i| format!("  p{i}: 10.{}.{}.{}:80 -> h:1\n", i >> 16, i >> 8 & 255, i & 255))),
        ("proxies in the ephemeral range", fill("proxies:\n", |i| format!("  p{i}: {} -> h:1\n", 12_768 + i % 48_000))),
        ("proxies in a ring", fill("proxies:\n", |i| format!("  p{i}: {} -> localhost:{}\n", 1000 + i % 60_000, 1001 + i % 60_000))),
        ("faults", fill(SHOP, |i| if i == 0 { "faults:\n".to_owned() } else { "  - { proxy: shop, status: 503 }\n".to_owned() })),
        (
            "optional faults",
            fill(SHOP, |i| if i == 0 { "faults:\n".to_owned() } else { "  - { proxy: shop, status: 503, optional: true }\n".to_owned() }),
        ),
        ("faults of nowhere", fill("faults:\n", |i| format!("  - {{ proxy: p{i}, down: true }}\n"))),
        ("faults of one nowhere", fill("faults:\n", |_| "  - { proxy: x, down: true }\n".to_owned())),
        (
            "patterns",
            fill(&fill("proxies:\n", |i| if i < 12_000 { format!("  p{i}: 1 -> h:1\n") } else { long("x") }), |i| {
                if i == 0 { "faults:\n".to_owned() } else { format!("  - {{ proxy: '*{i}x', down: true }}\n") }
            }),
        ),
        (
            "one fault on many",
            fill("proxies: {a: '1 -> b:1'}\nfaults:\n  - down: true\n    proxy: [a", |_| ", a".to_owned())
                + "]\n  - {proxy: a, down: true}\n",
        ),
        (
            "partitions",
            fill(
                &fill(
                    "proxies:\n",
                    |i| if i < 8_000 { format!("  p{i}: {{listen: 1, upstream: 'h{i}:1', from: a}}\n") } else { long("x") },
                ),
                |i| if i == 0 { "faults:\n".to_owned() } else { format!("  - {{ partition: a{i} -> b }}\n") },
            ),
        ),
        (
            "conditions",
            fill(&format!("{SHOP}faults:\n"), |i| {
                if i < 10_000 {
                    "  - {proxy: shop, latency: 1s}\n".to_owned()
                } else if i == 10_000 {
                    "expect:\n".to_owned()
                } else {
                    "  - p95(shop) < 1s\n".to_owned()
                }
            }),
        ),
        (
            "conditions on bytes",
            fill("proxies:\n", |i| {
                if i < 15_000 {
                    format!("  p{i}: 1 -> h:1\n")
                } else if i == 15_000 {
                    "expect:\n".to_owned()
                } else {
                    format!("  - p95(p{}) < 1s\n", i - 15_001)
                }
            }),
        ),
        ("conditions of nothing", fill("expect:\n", |i| format!("  - hits(f{i}) == 0\n"))),
        ("unknown measures", fill("expect:\n", |i| format!("  - p95{i}(x) == 0\n"))),
        ("steady states", fill(&format!("{SHOP}steady_state:\n"), |i| format!("  - p95(shop) < {i}ms\n"))),
        ("phases", fill("phases:\n", |_| "  - {}\n".to_owned())),
        (
            "phases by name",
            fill(&format!("{SHOP}faults:\n"), |i| {
                if i < 8_000 {
                    format!("  - {{name: f{i}, proxy: shop, latency: 1s, enabled: false}}\n")
                } else if i == 8_000 {
                    "phases:\n  - duration: 1s\n    faults:\n".to_owned()
                } else {
                    format!("      - f{}\n", i - 8_001)
                }
            }),
        ),
        ("phase names", fill("phases:\n  - {name: p, duration: 1s}\nexpect:\n", |i| format!("  - phase is q{i}\n"))),
        ("probes", fill("probes:\n", |i| format!("  p{i}: {{}}\n"))),
        ("protected", fill("proxies: { a: '1 -> b:1' }\nlimits:\n  protect:\n", |i| format!("    - '*{i}*'\n"))),
        (
            "profiles",
            fill(&format!("{SHOP}faults:\n"), |i| {
                if i < 8_000 {
                    format!("  - {{proxy: shop, profile: a/{i}.yaml}}\n")
                } else if i == 8_000 {
                    "expect:\n".to_owned()
                } else {
                    "  - p95.all(shop) < profile + 5%\n".to_owned()
                }
            }),
        ),
    ]
}

#[test]
fn no_input_is_too_much() {
    let mut slowest = Vec::new();
    for (name, text) in inputs() {
        let text = &text[..text.len().min(MIB)];
        if let Some(folder) = std::env::var_os("EVIL") {
            std::fs::write(std::path::Path::new(&folder).join(format!("{}.yaml", name.replace(' ', "-"))), text).unwrap();
        }
        let reader = |wanted: &str| if wanted == "evil.yaml" { Ok(text.to_owned()) } else { Err(io::Error::from(io::ErrorKind::NotFound)) };
        let begun = Instant::now();
        let loaded = scenario::load(&["evil.yaml".to_owned()], &reader, &|_| None, "127.0.0.1");
        let read = begun.elapsed();
        render::render(&loaded.complaints, &loaded.sources, false);
        let whole = begun.elapsed();
        slowest.push((whole, read, name, loaded.complaints.len()));
        assert!(whole < LIMIT, "{name} took {whole:?}");
    }
    slowest.sort();
    for (whole, read, name, told) in slowest.iter().rev().take(12) {
        eprintln!("{name}: {whole:?}, {read:?} of it to read, {told} told");
    }
}
