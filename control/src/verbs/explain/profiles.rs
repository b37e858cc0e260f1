//! The numbers of the links that `profile` knows by name, and where they are from.

/// A link, each way.
#[derive(Debug)]
pub struct Link {
    pub name: &'static str,
    pub to_client: &'static str,
    pub to_server: &'static str,
    pub latency: &'static str,
    pub more: &'static str,
    pub from: &'static str,
}

const fn link(name: &'static str, ways: [&'static str; 2], latency: &'static str, more: &'static str, from: &'static str) -> Link {
    Link { name, to_client: ways[0], to_server: ways[1], latency, more, from }
}

const ATC: &str = "Augmented Traffic Control";
const OURS: &str = "Faultwire";

const LINKS: &[Link] = &[
    link("offline", ["", ""], "", "down", OURS),
    link("2g", ["20kbit/s", "18kbit/s"], "650ms", "2% of pieces are sent again", ATC),
    link("edge", ["240kbit/s", "200kbit/s"], "420ms", "", ATC),
    link("3g", ["780kbit/s", "330kbit/s"], "100ms", "", ATC),
    link("slow-4g", ["1.6Mbit/s", "750kbit/s"], "75ms", "", "Lighthouse"),
    link("dsl", ["2Mbit/s", "256kbit/s"], "5ms", "", "Network Link Conditioner"),
    link("lossy-wifi", ["20Mbit/s", "20Mbit/s"], "5ms, jitter 5ms", "3% of pieces are sent again", OURS),
    link("satellite", ["20Mbit/s", "3Mbit/s"], "300ms", "", OURS),
    link("cross-region", ["", ""], "40ms, jitter 2ms", "", OURS),
    link("flaky", ["", ""], "50ms, jitter 10ms, correlation 25%", "20% of datagrams are lost, correlation 75%", "Jepsen"),
];

pub fn find(name: &str) -> Option<&'static Link> {
    LINKS.iter().find(|link| link.name == name)
}

/// `1.6Mbit/s to the client, 750kbit/s to the server, latency 75ms (from Lighthouse)`.
pub fn in_words(link: &Link) -> String {
    let parts = [
        ("", link.to_client, " to the client"),
        ("", link.to_server, " to the server"),
        ("latency ", link.latency, ""),
        ("", link.more, ""),
    ];
    let said: Vec<String> =
        parts.iter().filter(|(_, value, _)| !value.is_empty()).map(|(before, value, after)| format!("{before}{value}{after}")).collect();
    format!("{} (from {})", said.join(", "), link.from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultwire_faults::{foreseen::PROFILES, units::Rate};

    #[test]
    fn every_profile_has_its_numbers() {
        assert_eq!(LINKS.iter().map(|link| link.name).collect::<Vec<_>>(), PROFILES);
        for rate in LINKS.iter().flat_map(|link| [link.to_client, link.to_server]).filter(|rate| !rate.is_empty()) {
            assert!(Rate::parse(rate).is_some(), "{rate}");
        }
    }
}
