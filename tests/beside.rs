//! Faultwire in the place of Toxiproxy, side by side with Toxiproxy: whatever is asked or sent, both are asked and sent it.

mod process;
mod scenes;
mod server;
mod stage;
mod transcript;
mod worst;

macro_rules! transcripts {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            transcript::check(stringify!($name));
        }
    )*};
}

/// One for each file in `transcripts`.
mod transcripts {
    use super::transcript;

    transcripts! { manners decoding proxies addresses toxics populate reset }

    #[test]
    fn wildcards() {
        // Without IPv6 other addresses are all addresses, and shown.
        match std::net::TcpListener::bind("[::1]:0") {
            Ok(_) => transcript::check("wildcards"),
            Err(error) => eprintln!("wildcards are not compared: this machine has no IPv6: {error}"),
        }
    }
}
