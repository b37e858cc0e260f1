//! Every task has an owner. A scope ends when all in it have ended.

use std::future::Future;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

#[derive(Clone, Debug)]
pub struct Scope {
    runtime: Handle,
    tracker: TaskTracker,
}

impl Scope {
    pub fn new(runtime: Handle) -> Scope {
        Scope { runtime, tracker: TaskTracker::new() }
    }

    /// Runs a task that belongs to this scope.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn_on(task, &self.runtime);
    }

    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Waits until all tasks have ended. New ones may still come, from tasks that run.
    pub async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}
