//! The few things that only the operating system knows. The one place with `unsafe`.

use socket2::{Domain, Protocol, Socket, Type};
use std::{io, net::SocketAddr};
use tokio::net::TcpStream;

/// Bytes that the peer's kernel has not acknowledged yet (`SIOCOUTQ`, tcp(7)); 0 where it cannot be known.
#[cfg(target_os = "linux")]
pub fn unacknowledged(stream: &TcpStream) -> usize {
    use rustix::ioctl::{Getter, Opcode, ioctl};
    use std::ffi::c_int;
    const TIOCOUTQ: Opcode = 0x5411;
    // SAFETY: TIOCOUTQ writes one int, which is what the getter gives it room for, and touches nothing else.
    #[allow(unsafe_code, reason = "this ioctl has no safe wrapper")]
    let left = unsafe { ioctl(stream, Getter::<TIOCOUTQ, c_int>::new()) };
    left.map_or(0, |bytes| bytes.max(0) as usize)
}

#[cfg(not(target_os = "linux"))]
pub fn unacknowledged(_: &TcpStream) -> usize {
    0
}

/// A port of ours that listens.
pub fn listen(address: SocketAddr) -> io::Result<Socket> {
    let socket = unbound(address)?;
    socket.bind(&address.into())?;
    socket.listen(4096)?;
    Ok(socket)
}

/// Holds the port of a listener without listening: connects are refused, and nobody else can take it.
pub fn hold(listener: &socket2::SockRef<'_>) -> io::Result<Socket> {
    let address = listener.local_addr()?.as_socket().ok_or(io::ErrorKind::InvalidInput)?;
    let holder = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        holder.set_only_v6(true)?;
    }
    // Two sockets of one port must both allow it at the moment of binding, and at no other: later nobody is to join.
    listener.set_reuse_port(true)?;
    holder.set_reuse_port(true)?;
    let bound = holder.bind(&address.into());
    listener.set_reuse_port(false)?;
    holder.set_reuse_port(false)?;
    bound.map(|()| holder)
}

/// Listens again on the port that `holder` has kept.
pub fn listen_again(holder: &Socket) -> io::Result<Socket> {
    let address = holder.local_addr()?.as_socket().ok_or(io::ErrorKind::InvalidInput)?;
    let socket = unbound(address)?;
    holder.set_reuse_port(true)?;
    socket.set_reuse_port(true)?;
    let listening = socket.bind(&address.into()).and_then(|()| socket.listen(4096));
    holder.set_reuse_port(false)?;
    socket.set_reuse_port(false)?;
    listening.map(|()| socket)
}

fn unbound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    #[test]
    fn a_held_port_refuses_and_stays_ours() {
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        TcpStream::connect(address).unwrap();
        let holder = hold(&(&listener).into()).unwrap();
        assert!(listen(address).is_err(), "taken while it listens");
        drop(listener);
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert!(TcpListener::bind(address).is_err(), "taken while it is down");
        let again = listen_again(&holder).unwrap();
        TcpStream::connect(address).unwrap();
        assert!(TcpListener::bind(address).is_err(), "taken while it listens again");
        drop(again);
    }
}
