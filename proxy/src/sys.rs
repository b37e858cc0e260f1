//! The few things that only the operating system knows. The one place with `unsafe`.

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::{io, net::SocketAddr};
use tokio::net::TcpStream;

/// Connections that wait to be accepted; the kernel lowers it to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

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

/// How many bytes of memory this process may use, where its control group says so (cgroups(7), both versions).
pub fn memory_limit() -> Option<u64> {
    ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok()?.trim().parse().ok())
}

/// A port of ours that listens. Fails if anybody listens there already, one of us included.
pub fn listen(address: SocketAddr) -> io::Result<Socket> {
    let socket = unbound(address)?;
    socket.bind(&address.into())?;
    // From here on a holder may share the port, and accepted connections, which inherit this, do not stand in its way.
    socket.set_reuse_port(true)?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// Holds the port of a listener without listening: once that is closed connects are refused, and nobody else can take the port.
pub fn hold(listener: &SockRef<'_>) -> io::Result<Socket> {
    let address = local_address(listener)?;
    let holder = unbound(address)?;
    holder.set_reuse_port(true)?;
    holder.bind(&address.into())?;
    // Two sockets share an address that does not listen if both allow it: this one no longer does.
    holder.set_reuse_address(false)?;
    Ok(holder)
}

/// Listens again on the port that `holder` has kept.
pub fn listen_again(holder: &Socket) -> io::Result<Socket> {
    let address = local_address(holder)?;
    let socket = unbound(address)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

fn local_address(socket: &Socket) -> io::Result<SocketAddr> {
    socket.local_addr()?.as_socket().ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

fn unbound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        // All addresses are all of them, those of IPv4 as well.
        socket.set_only_v6(!address.ip().is_unspecified())?;
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
        let open = TcpStream::connect(address).unwrap();
        let holder = hold(&(&listener).into()).unwrap();
        assert!(listen(address).is_err(), "taken while it listens");
        drop(listener);
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert!(TcpListener::bind(address).is_err(), "taken while it is down");
        let again = listen_again(&holder).unwrap();
        TcpStream::connect(address).unwrap();
        assert!(TcpListener::bind(address).is_err(), "taken while it listens again");
        drop((again, open));
    }
}
