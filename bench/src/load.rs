//! The load: an upstream that echoes or sends, and clients that time what comes back.

use crate::LATENCY;
use anyhow::Result;
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// What a client says first: whether it wants its bytes back, or so many of the upstream's.
const ECHO: u64 = 0;

/// Runs until the process ends.
pub fn upstream() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that leaves early is its own business.
            thread::spawn(move || serve(stream).ok());
        }
    });
    Ok(address)
}

fn serve(mut stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut wish = [0; 8];
    stream.read_exact(&mut wish)?;
    let mut left = u64::from_be_bytes(wish);
    let mut buffer = vec![7; 256 << 10];
    if left == ECHO {
        loop {
            let n = stream.read(&mut buffer)?;
            if n == 0 {
                return Ok(());
            }
            stream.write_all(&buffer[..n])?;
        }
    }
    while left > 0 {
        let n = left.min(buffer.len() as u64) as usize;
        stream.write_all(&buffer[..n])?;
        left -= n as u64;
    }
    Ok(())
}

fn connect(address: SocketAddr, wish: u64) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(&wish.to_be_bytes())?;
    Ok(stream)
}

/// Times of so many echoes of 64 bytes on one connection, in microseconds.
pub fn round_trips(address: SocketAddr, count: usize) -> Result<Vec<f64>> {
    let mut stream = connect(address, ECHO)?;
    let mut message = [1; 64];
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        stream.write_all(&message)?;
        stream.read_exact(&mut message)?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(times)
}

/// By how many microseconds answers are later than configured, over several connections.
pub fn delays(address: SocketAddr, connections: usize, each: usize) -> Result<Vec<f64>> {
    let clients: Vec<_> = (0..connections).map(|_| thread::spawn(move || round_trips(address, each))).collect();
    let mut late = Vec::new();
    for client in clients {
        let times = client.join().map_err(|_| anyhow::anyhow!("a client has panicked"))??;
        late.extend(times.into_iter().map(|time| time - LATENCY.as_secs_f64() * 1e6));
    }
    Ok(late)
}

/// The rate of one stream towards the client, in megabytes a second.
pub fn download(address: SocketAddr, bytes: u64) -> Result<f64> {
    let mut stream = connect(address, bytes)?;
    let mut buffer = vec![0; 256 << 10];
    let (start, mut got) = (Instant::now(), 0);
    while got < bytes {
        let n = stream.read(&mut buffer)?;
        anyhow::ensure!(n > 0, "the stream ended after {got} of {bytes} bytes");
        got += n as u64;
    }
    Ok(got as f64 / start.elapsed().as_secs_f64() / 1e6)
}
