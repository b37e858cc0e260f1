//! A real client and a real server (h2) with what is cut and written here between them: bodies and trailers both ways on many streams at
//! once, with small windows; passed as they come, or with every head written anew, bodies cut anew, streams held back and overtaken,
//! answered here, or reset.

use crate::harness::{Chance, fields};
use bytes::{Bytes, BytesMut};
use faultwire_http2::{
    Cut, Field, Head, Http2, Limits,
    Way::{self, ToClient, ToServer},
    frame,
};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use std::{
    collections::{BTreeMap, VecDeque},
    future::poll_fn,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    task::{JoinSet, yield_now},
};

/// What is done to a stream; its request says so itself.
const DEEDS: [&str; 5] = ["pass", "late", "answer", "reset", "edit"];

#[test]
fn everything_passes_as_it_came() {
    for seed in 0..5 {
        assert!(talk(seed, &["pass"], 40), "seed {seed}");
    }
}

#[test]
fn both_ends_agree_whatever_is_done_between_them() {
    let seeds = match std::env::var("SEED").ok().and_then(|text| text.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..10,
    };
    for seed in seeds {
        assert!(!talk(seed, &DEEDS, 40), "seed {seed}");
    }
}

#[test]
fn each_deed_by_itself() {
    for deed in &DEEDS[1..] {
        for seed in 0..4 {
            assert!(!talk(seed, std::slice::from_ref(deed), 20), "{deed}, seed {seed}");
        }
    }
}

/// Many exchanges; whether all has passed as it came.
fn talk(seed: u64, deeds: &'static [&'static str], requests: usize) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let mut chance = Chance(seed);
        let window = *chance.pick(&[200_u32, 5_000, 65_535, 1 << 20]);
        let connection = *chance.pick(&[65_535_u32, 1 << 20]);
        let pipe = *chance.pick(&[400, 5_000, 1 << 20]);
        let (client_io, ours) = tokio::io::duplex(pipe);
        let (theirs, server_io) = tokio::io::duplex(pipe);
        let mut tasks = JoinSet::new();
        tasks.spawn(Relay::new(seed).run(theirs, ours));
        tasks.spawn(async move {
            let mut server = h2::server::Builder::new();
            server.initial_window_size(window).initial_connection_window_size(connection).max_concurrent_reset_streams(1000);
            serve(server.handshake::<_, Bytes>(server_io).await.unwrap()).await;
            true
        });
        let mut client = h2::client::Builder::new();
        client.initial_window_size(window).initial_connection_window_size(connection).max_frame_size(1 << 20);
        client.header_table_size(*chance.pick(&[0, 100, 4096, 20_000]));
        let asked = async {
            let (sender, wire) = client.handshake::<_, Bytes>(client_io).await.unwrap();
            ask(sender, wire, chance, deeds, requests).await;
            let mut untouched = true;
            while let Some(done) = tasks.join_next().await {
                untouched &= done.unwrap();
            }
            untouched
        };
        tokio::time::timeout(Duration::from_secs(120), asked).await.unwrap_or_else(|_| panic!("seed {seed}: somebody waits for ever"))
    })
}

/// Gives back what it is sent, with its length behind it.
async fn serve(mut wire: h2::server::Connection<DuplexStream, Bytes>) {
    let mut tasks = JoinSet::new();
    while let Some(accepted) = wire.accept().await {
        let (request, mut respond) = accepted.unwrap();
        tasks.spawn(async move {
            let number = request.headers()["x-n"].clone();
            let mut body = request.into_body();
            let answer = Response::builder().header("x-n", number).header("x-same", "for all").body(()).unwrap();
            let Ok(mut send) = respond.send_response(answer, false) else { return };
            let mut length = 0;
            while let Some(Ok(bytes)) = body.data().await {
                length += bytes.len();
                let _ = body.flow_control().release_capacity(bytes.len());
                if !write(&mut send, bytes).await {
                    return;
                }
            }
            let mut trailers = body.trailers().await.ok().flatten().unwrap_or_default();
            trailers.insert("x-length", HeaderValue::from(length));
            let _ = send.send_trailers(trailers);
        });
    }
}

/// As the windows allow; whether all has gone.
async fn write(send: &mut SendStream<Bytes>, mut bytes: Bytes) -> bool {
    while !bytes.is_empty() {
        send.reserve_capacity(bytes.len());
        let Some(Ok(room)) = poll_fn(|cx| send.poll_capacity(cx)).await else { return false };
        if send.send_data(bytes.split_to(room.min(bytes.len())), false).is_err() {
            return false;
        }
    }
    true
}

async fn read(body: &mut RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut all = Vec::new();
    while let Some(bytes) = body.data().await {
        let bytes = bytes?;
        all.extend_from_slice(&bytes);
        let _ = body.flow_control().release_capacity(bytes.len());
    }
    Ok(all)
}

async fn ask(
    sender: h2::client::SendRequest<Bytes>,
    wire: h2::client::Connection<DuplexStream, Bytes>,
    mut chance: Chance,
    deeds: &'static [&'static str],
    requests: usize,
) {
    let mut wires = JoinSet::new();
    wires.spawn(async move { wire.await.unwrap() });
    let mut tasks = JoinSet::new();
    for number in 0..requests {
        let mut sender = sender.clone().ready().await.unwrap();
        let deed = deeds[number % deeds.len()];
        let length = *chance.pick(&[0, 1, 300, 20_000, 120_000]);
        let length = if chance.hits(60) { length.min(3_000) } else { length };
        let trailers = chance.hits(50);
        tasks.spawn(async move {
            let sent: Bytes = (0..length).map(|i| (i * 7 + number) as u8).collect();
            let request = Request::post("http://x/echo")
                .header("x-do", deed)
                .header("x-n", number)
                .header("x-same", "for all requests")
                .header("cookie", format!("c={}", number % 5))
                .body(())
                .unwrap();
            let Ok((answer, mut send)) = sender.send_request(request, length == 0 && !trailers) else { panic!("{deed}") };
            let bytes = sent.clone();
            let sending = async move {
                let mut map = HeaderMap::new();
                map.insert("x-trailer", HeaderValue::from(number));
                match write(&mut send, bytes).await {
                    true if trailers => send.send_trailers(map).is_ok(),
                    true if length > 0 => send.send_data(Bytes::new(), true).is_ok(),
                    all => all,
                }
            };
            let receiving = async move {
                let (head, mut body) = answer.await?.into_parts();
                let received = read(&mut body).await?;
                Ok::<_, h2::Error>((head, received, body.trailers().await?))
            };
            let (all_sent, received) = tokio::join!(sending, receiving);
            let about = format!("{deed}, request {number} with {length} bytes");
            if deed == "reset" {
                assert_eq!(received.unwrap_err().reason(), Some(h2::Reason::INTERNAL_ERROR), "{about}");
                return;
            }
            let (head, mut body, trailing) = received.unwrap_or_else(|error| panic!("{about}: {error}"));
            if deed == "answer" {
                assert_eq!((head.status.as_u16(), body), (503, vec![b'x'; 20_000]), "{about}");
                return;
            }
            assert!(all_sent, "{about}");
            assert_eq!(head.headers["x-n"], number.to_string(), "{about}");
            if deed == "edit" {
                assert_eq!(head.headers["x-edited"], "yes", "{about}");
                assert!(body.ends_with(b"-more-"), "{about}");
                body.truncate(body.len() - 6);
            }
            assert!(body == sent, "{about}: {} bytes came back", body.len());
            let trailing = trailing.unwrap();
            assert_eq!(trailing["x-length"], length.to_string(), "{about}");
            assert_eq!(trailing.get("x-trailer").is_some(), trailers, "{about}");
        });
    }
    drop(sender);
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    while let Some(wire) = wires.join_next().await {
        wire.unwrap();
    }
}

/// What stands between them.
struct Relay {
    http: Http2,
    chance: Chance,
    buffers: [BytesMut; 2],
    out: [BytesMut; 2],
    /// Frames of our own that wait for the end of another.
    waiting: [VecDeque<Bytes>; 2],
    lanes: BTreeMap<u32, Lane>,
}

/// A stream whose frames are written here.
struct Lane {
    deed: String,
    items: [VecDeque<Item>; 2],
    /// So often nothing else must have happened before it goes on.
    delay: usize,
}

enum Item {
    Head(Head, Option<Vec<Field>>),
    Own(Vec<Field>),
    Data(Bytes, bool),
}

impl Relay {
    fn new(seed: u64) -> Relay {
        Relay {
            http: Http2::new(Limits::default()),
            chance: Chance(seed ^ 0xabcd),
            buffers: Default::default(),
            out: Default::default(),
            waiting: Default::default(),
            lanes: BTreeMap::new(),
        }
    }

    async fn run(mut self, server: DuplexStream, client: DuplexStream) -> bool {
        let (mut from_server, mut to_server) = tokio::io::split(server);
        let (mut from_client, mut to_client) = tokio::io::split(client);
        let mut open = true;
        loop {
            let mut read = [BytesMut::new(), BytesMut::new()];
            let [a, b] = &mut read;
            let [up, down] = &mut self.out;
            let delayed = self.lanes.values().any(|lane| lane.delay > 0);
            tokio::select! {
                biased;
                count = from_client.read_buf(a), if open => if count.unwrap() == 0 {
                    open = false;
                    to_server.shutdown().await.unwrap();
                },
                count = from_server.read_buf(b) => if count.unwrap() == 0 {
                    return self.http.is_untouched();
                },
                // Who has heard all may have gone.
                written = to_server.write_buf(up), if !up.is_empty() => if written.is_err() { up.clear() },
                written = to_client.write_buf(down), if !down.is_empty() => if written.is_err() { down.clear() },
                () = yield_now(), if delayed => {
                    self.lanes.values_mut().for_each(|lane| lane.delay = lane.delay.saturating_sub(1));
                }
            }
            for (way, bytes) in Way::BOTH.into_iter().zip(read) {
                self.receive(way, &bytes);
            }
            self.flush();
        }
    }

    fn receive(&mut self, way: Way, bytes: &[u8]) {
        let mut buffer = std::mem::take(&mut self.buffers[way.index()]);
        buffer.extend_from_slice(bytes);
        while let Some(cut) = self.http.cut(way, &mut buffer) {
            assert!(!matches!(cut, Cut::Lost(_)), "{cut:?}");
            self.take(way, cut);
        }
        self.buffers[way.index()] = buffer;
    }

    fn take(&mut self, way: Way, cut: Cut) {
        if let (ToServer, Cut::Head(head)) = (way, &cut) {
            self.begin(head);
        }
        let stream = match &cut {
            Cut::Head(head) | Cut::Interim(head) | Cut::Trailers(head) => head.stream,
            Cut::Data(data) => data.stream,
            Cut::Reset { stream, .. } => *stream,
            _ => 0,
        };
        let Some(lane) = self.lanes.get_mut(&stream) else { return self.pass(way, &cut) };
        let edits = way == ToClient && lane.deed == "edit";
        let items = &mut lane.items[way.index()];
        match cut {
            Cut::Head(head) if edits => {
                let all = [head.fields.list(), fields(&[("x-edited", "yes")])].concat();
                items.push_back(Item::Head(head, Some(all)));
            }
            Cut::Trailers(head) if edits => {
                items.push_back(Item::Data(Bytes::from_static(b"-more-"), false));
                items.push_back(Item::Head(head, None));
            }
            Cut::Head(_) if way == ToClient && lane.deed == "reset" => {
                self.http.withhold(way);
                let frames = self.http.reset(stream, frame::code::CANCEL, frame::code::INTERNAL_ERROR);
                self.lanes.remove(&stream);
                for (waiting, frame) in self.waiting.iter_mut().zip(frames) {
                    waiting.extend(frame);
                }
            }
            Cut::Head(_) | Cut::Trailers(_) if lane.deed == "answer" => self.http.withhold(way),
            // As it came, while nothing waits before it and both ends count alike.
            Cut::Head(_) | Cut::Interim(_) | Cut::Trailers(_) if lane.deed == "pass" && items.is_empty() => self.pass(way, &cut),
            Cut::Data(data)
                if lane.deed == "answer"
                    || self.http.is_inside(way)
                    || lane.deed == "pass" && data.starts() && items.is_empty() && !self.http.is_uneven(way, stream) =>
            {
                self.pass(way, &Cut::Data(data));
            }
            Cut::Head(head) | Cut::Interim(head) | Cut::Trailers(head) => items.push_back(Item::Head(head, None)),
            Cut::Data(data) => {
                self.http.take(way, &data);
                items.push_back(Item::Data(data.bytes, data.end));
            }
            other => {
                self.lanes.remove(&stream);
                self.pass(way, &other);
            }
        }
    }

    fn begin(&mut self, head: &Head) {
        let deed = String::from_utf8(head.fields.first("x-do").unwrap().to_vec()).unwrap();
        let delay = if deed == "late" { self.chance.below(30) } else { 0 };
        let mut lane = Lane { deed, items: Default::default(), delay };
        if lane.deed == "answer" {
            assert_eq!(self.http.cut_off(head.stream, frame::code::CANCEL), None);
            lane.items[1].push_back(Item::Own(fields(&[(":status", "503"), ("x-made", "here")])));
            lane.items[1].push_back(Item::Data(Bytes::from(vec![b'x'; 20_000]), true));
        }
        self.lanes.insert(head.stream, lane);
    }

    fn pass(&mut self, way: Way, cut: &Cut) {
        let written = self.http.pass(way, cut).unwrap_or_default();
        self.out[way.index()].extend_from_slice(&written);
    }

    fn flush(&mut self) {
        for way in Way::BOTH {
            let d = way.index();
            while self.http.may_put_in(way)
                && let Some(bytes) = self.waiting[d].pop_front()
            {
                self.out[d].extend_from_slice(&bytes);
            }
            for stream in self.lanes.keys().copied().collect::<Vec<u32>>() {
                if self.http.may_put_in(way) {
                    self.go_on(way, stream);
                }
            }
            if let Some(bytes) = self.http.credits(way) {
                self.out[d].extend_from_slice(&bytes);
            }
        }
        self.lanes.retain(|stream, _| self.http.is_open(*stream));
    }

    fn go_on(&mut self, way: Way, stream: u32) {
        let d = way.index();
        let Some(lane) = self.lanes.get_mut(&stream).filter(|lane| lane.delay == 0) else { return };
        while let Some(item) = lane.items[d].pop_front() {
            match item {
                Item::Head(head, fields) => {
                    let written = self.http.head(way, &head, fields.as_deref(), head.end).unwrap();
                    self.out[d].extend_from_slice(&written);
                }
                Item::Own(fields) => {
                    let written = self.http.put_in(way, stream, &fields, false).unwrap();
                    self.out[d].extend_from_slice(&written);
                }
                Item::Data(mut bytes, end) => {
                    let unfinished = !self.http.has_ended(ToServer, stream);
                    let mut first = bytes.split_to(bytes.len().min(1 + self.chance.below(30_000)));
                    let last = end && bytes.is_empty();
                    let written = self.http.data(way, stream, &mut first, last);
                    for part in written.iter().flat_map(|(head, content)| [head, content]) {
                        self.out[d].extend_from_slice(part);
                    }
                    if last && first.is_empty() && unfinished && lane.deed == "answer" {
                        self.waiting[1].push_back(frame::reset(stream, frame::code::NO_ERROR));
                    }
                    if !first.is_empty() || !bytes.is_empty() || end && !last {
                        lane.items[d].push_front(Item::Data([first, bytes].concat().into(), end));
                        if written.is_none() {
                            if self.chance.hits(50) {
                                self.http.lend(way, stream);
                            }
                            return;
                        }
                    }
                }
            }
        }
    }
}
