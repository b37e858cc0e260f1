//! Taking in a scenario file that has changed: on SIGHUP, and when told to watch. It is checked first; a bad one changes nothing and is told.

use crate::{
    config::{Config, Fingerprint, Origin},
    control::Control,
    say::count,
};
use faultwire_proxy::tasks::Scope;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use serde_json::json;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{Mutex, mpsc};

/// What is written in several strokes is read after the last.
const QUIET: Duration = Duration::from_millis(100);
/// Some file systems tell of nothing; there the file is looked at.
const LOOK: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct Watcher {
    origin: Origin,
    control: Arc<Control>,
    /// What was last read, good or bad.
    seen: Mutex<Fingerprint>,
}

/// Something that watches, as long as it is kept.
pub struct Eye {
    _notify: Option<RecommendedWatcher>,
    _open: mpsc::Sender<()>,
}

impl Watcher {
    pub fn new(origin: Origin, config: Config, control: Arc<Control>) -> Watcher {
        Watcher { origin, control, seen: Mutex::new(config.state) }
    }

    /// Reads the files and puts them in force, if nothing is wrong with them.
    pub async fn reload(&self, why: &str) {
        let mut seen = self.seen.lock().await;
        self.take(why, &mut seen).await;
    }

    /// The same, if the files are not what they were.
    pub async fn reload_if_changed(&self) {
        let mut seen = self.seen.lock().await;
        let (origin, before) = (self.origin.clone(), seen.clone());
        let Ok(now) = tokio::task::spawn_blocking(move || origin.fingerprint(&before)).await else { return };
        if now != *seen {
            self.take("a change", &mut seen).await;
        }
    }

    async fn take(&self, why: &str, seen: &mut Fingerprint) {
        let (origin, before) = (self.origin.clone(), seen.clone());
        let read = tokio::task::spawn_blocking(move || (origin.fingerprint(&before), origin.load(false))).await;
        let Ok((state, loaded)) = read else { return };
        *seen = state;
        let config = match loaded {
            Ok(config) => config,
            Err(failure) => return self.control.refuse(&failure.text),
        };
        // Files that are included are known only now.
        *seen = config.state.clone();
        let (name, warnings) = (config.name.clone(), config.warnings.clone());
        match self.control.apply(config).await {
            Ok(applied) => {
                let msg = format!(
                    "{name} is in force after {why}: {}, {} added, {} changed, {} removed",
                    count(applied.faults, "fault"),
                    count(applied.added, "proxy"),
                    applied.changed,
                    applied.removed
                );
                let fields = json!({ "file": name, "why": why, "faults": applied.faults, "added": applied.added, "changed": applied.changed,
                    "removed": applied.removed, "generation": applied.generation, "warnings": warnings });
                self.control.journal.record("config.loaded", msg, fields);
            }
            Err(failure) => self.control.refuse(&failure.text),
        }
    }

    /// The folders in which something may happen: those that hold the files, as a file itself may be replaced.
    fn folders(&self) -> BTreeSet<PathBuf> {
        let of = |path: &PathBuf| match (path.is_dir(), path.parent()) {
            (true, _) => path.clone(),
            (false, Some(parent)) if !parent.as_os_str().is_empty() => parent.to_owned(),
            (false, _) => PathBuf::from("."),
        };
        self.origin.paths.iter().filter(|path| path.as_os_str() != "-").map(of).collect()
    }
}

impl Eye {
    pub fn open(watcher: Arc<Watcher>, scope: &Scope) -> Eye {
        // One sign is enough for any number of changes.
        let (sign, mut signs) = mpsc::channel::<()>(1);
        let rung = sign.clone();
        let told = move |_: notify::Result<notify::Event>| {
            rung.try_send(()).ok();
        };
        let notify = notify::recommended_watcher(told).ok().and_then(|eye| watch_all(eye, &watcher.folders()));
        scope.spawn(async move {
            let mut open = true;
            while open {
                match tokio::time::timeout(LOOK, signs.recv()).await {
                    Ok(None) => open = false,
                    Ok(Some(())) => calm(&mut signs).await,
                    Err(_) => {}
                }
                watcher.reload_if_changed().await;
            }
        });
        Eye { _notify: notify, _open: sign }
    }
}

/// Waits until nothing has happened for a while, though not for ever.
async fn calm(signs: &mut mpsc::Receiver<()>) {
    for _ in 0..20 {
        match tokio::time::timeout(QUIET, signs.recv()).await {
            Ok(Some(())) => {}
            _ => return,
        }
    }
}

/// `None` where nothing can be told: then looking has to do.
fn watch_all(mut eye: RecommendedWatcher, folders: &BTreeSet<PathBuf>) -> Option<RecommendedWatcher> {
    for folder in folders {
        eye.watch(Path::new(folder), RecursiveMode::NonRecursive).ok()?;
    }
    Some(eye)
}
