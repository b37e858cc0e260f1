//! Deadlines to some tens of microseconds. The runtime's own timers tick in milliseconds and round up, which an injected
//! millisecond would feel; here one timerfd stands for the earliest of all deadlines.

use crate::tasks::Scope;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Waker},
    time::{Duration, Instant},
};

/// A deadline rings so much early, since waking takes as long; what is left of it is waited for by looking again.
pub const LEAD: Duration = Duration::from_micros(30);

/// The one clock of the data plane's deadlines.
#[derive(Debug)]
pub struct Timer {
    waiting: Mutex<BTreeMap<(Instant, u64), Waker>>,
    ids: AtomicU64,
    fd: fd::Fd,
}

/// One deadline of one task; the last one set counts.
#[derive(Debug)]
pub struct Alarm {
    timer: Arc<Timer>,
    id: u64,
    set: Option<Instant>,
}

impl Timer {
    /// Starts the task that wakes those whose time has come. It runs until the process ends.
    pub fn start(scope: &Scope) -> std::io::Result<Arc<Timer>> {
        let _inside = scope.runtime().enter();
        let (fd, mut ticks) = fd::Fd::new()?;
        let timer = Arc::new(Timer { waiting: Mutex::default(), ids: AtomicU64::new(0), fd });
        let woken = timer.clone();
        scope.spawn(async move {
            while ticks.next().await {
                woken.wake_due();
            }
        });
        Ok(timer)
    }

    pub fn alarm(self: &Arc<Timer>) -> Alarm {
        Alarm { timer: self.clone(), id: self.ids.fetch_add(1, Relaxed), set: None }
    }

    fn wake_due(&self) {
        let mut due = Vec::new();
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            while let Some(entry) = waiting.first_entry() {
                if entry.key().0 > now + LEAD {
                    self.fd.arm(early(entry.key().0));
                    break;
                }
                due.push(entry.remove());
            }
        }
        due.into_iter().for_each(Waker::wake);
    }
}

fn early(at: Instant) -> Instant {
    at.checked_sub(LEAD).unwrap_or(at)
}

impl Alarm {
    /// Wakes the task at that moment, or never.
    pub fn set(&mut self, at: Option<Instant>, cx: &Context<'_>) {
        if self.set == at && self.set.is_none_or(|at| at > Instant::now() + LEAD) {
            return;
        }
        let mut waiting = self.timer.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = self.set.take() {
            waiting.remove(&(old, self.id));
        }
        if let Some(at) = at {
            waiting.insert((at, self.id), cx.waker().clone());
            if waiting.first_key_value().is_some_and(|(first, _)| *first == (at, self.id)) {
                self.timer.fd.arm(early(at));
            }
        }
        self.set = at;
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(at) = self.set {
            self.timer.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&(at, self.id));
        }
    }
}

#[cfg(target_os = "linux")]
mod fd {
    use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime};
    use std::{io, os::fd::OwnedFd, time::Instant};
    use tokio::net::unix::pipe::Receiver;

    #[derive(Debug)]
    pub struct Fd(OwnedFd);

    pub struct Ticks(Receiver);

    impl Fd {
        /// A timerfd and, for the reactor, a second descriptor of it.
        pub fn new() -> io::Result<(Fd, Ticks)> {
            let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
            // A pipe to the reactor as much as to us: something that becomes readable.
            let ticks = Receiver::from_owned_fd_unchecked(fd.try_clone()?)?;
            Ok((Fd(fd), Ticks(ticks)))
        }

        pub fn arm(&self, at: Instant) {
            // Zero would disarm it: what is due already is due in a nanosecond.
            let left = at.saturating_duration_since(Instant::now()).max(std::time::Duration::from_nanos(1));
            let it_value = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
            let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
            let armed = timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once);
            debug_assert!(armed.is_ok(), "a valid timer takes a valid time");
        }
    }

    impl Ticks {
        pub async fn next(&mut self) -> bool {
            loop {
                if self.0.readable().await.is_err() {
                    return false;
                }
                match self.0.try_read(&mut [0; 8]) {
                    Ok(_) => return true,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return false,
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod fd {
    use std::{
        io,
        sync::{Arc, Mutex, PoisonError},
        time::{Duration, Instant},
    };
    use tokio::sync::Notify;

    /// The runtime's own timer, a millisecond coarse.
    #[derive(Debug)]
    pub struct Fd(Arc<(Mutex<Option<Instant>>, Notify)>);

    pub struct Ticks(Arc<(Mutex<Option<Instant>>, Notify)>);

    impl Fd {
        pub fn new() -> io::Result<(Fd, Ticks)> {
            let shared = Arc::new((Mutex::new(None), Notify::new()));
            Ok((Fd(shared.clone()), Ticks(shared)))
        }

        pub fn arm(&self, at: Instant) {
            *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
            self.0.1.notify_one();
        }
    }

    impl Ticks {
        pub async fn next(&mut self) -> bool {
            loop {
                let at = *self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
                let until = at.map_or(Instant::now() + Duration::from_secs(3600), |at| at);
                tokio::select! {
                    () = tokio::time::sleep_until(until.into()) => return true,
                    () = self.0.1.notified() => {}
                }
            }
        }
    }
}
