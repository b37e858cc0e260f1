//! What is felt on the wire through a proxy, and where everything is: `TOXIPROXY_URL` names the API, `UPSTREAM` a server that sends back
//! what it gets.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

/// Nothing that is waited for takes longer, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The address of the API, without its scheme.
pub fn api() -> String {
    std::env::var("TOXIPROXY_URL").unwrap().trim_start_matches("http://").to_owned()
}

pub fn upstream() -> String {
    std::env::var("UPSTREAM").unwrap()
}

pub fn connect(listen: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(listen)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Sends this on a connection of its own, and reads as much; how long it took.
pub fn trip(listen: &str, said: &str) -> Duration {
    let begin = Instant::now();
    let mut stream = connect(listen).unwrap();
    stream.write_all(said.as_bytes()).unwrap();
    assert_eq!(heard(&mut stream, said.len()), said);
    begin.elapsed()
}

/// Sends this and reads until the end: what came, or the error.
pub fn rest(listen: &str, said: &str) -> io::Result<String> {
    let mut stream = connect(listen)?;
    stream.write_all(said.as_bytes())?;
    let mut heard = String::new();
    stream.read_to_string(&mut heard)?;
    Ok(heard)
}

/// How long the end takes to come back from the upstream.
pub fn end(listen: &str) -> Duration {
    let begin = Instant::now();
    let mut stream = connect(listen).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    begin.elapsed()
}

/// Sends this, sees that nothing comes back for a while, and then that all of it does.
pub fn held(listen: &str, said: &str, let_go: impl FnOnce()) {
    let mut stream = connect(listen).unwrap();
    stream.write_all(said.as_bytes()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(150))).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let_go();
    assert_eq!(heard(&mut stream, said.len()), said);
}

pub fn is_refused(listen: &str) -> bool {
    connect(listen).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

fn heard(stream: &mut TcpStream, length: usize) -> String {
    let mut heard = vec![0; length];
    stream.read_exact(&mut heard).unwrap();
    String::from_utf8(heard).unwrap()
}
