//! A window of flow control (RFC 9113, 5.2) as its receiver sees it, and by how much the sender believes it larger.

/// The window of a connection in one direction before anything is said: RFC 9113, 6.9.2.
pub const FIRST_WINDOW: u32 = 65_535;

/// What the receiver of a direction still takes.
///
/// The sender counts for itself, and is right as long as all that it sends arrives and nothing else does. What is put in here it does not
/// know: that is a debt, paid out of the updates that it does not get. What is withheld here it has to be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Below 0 after the first window has been lowered: RFC 9113, 6.9.2.
    window: i64,
    debt: u64,
    /// What was sent before the window was lowered may be written after.
    lowered: bool,
}

impl Flow {
    pub fn new(window: u32) -> Flow {
        Flow { window: i64::from(window), debt: 0, lowered: false }
    }

    /// The sender's own bytes have been written.
    pub fn sent(&mut self, bytes: u64) {
        self.window = self.window.saturating_sub_unsigned(bytes);
    }

    /// Bytes have been written of which the sender does not know, or which were given back to it.
    pub fn put_in(&mut self, bytes: u64) {
        self.sent(bytes);
        self.debt = self.debt.saturating_add(bytes);
    }

    /// The sender's bytes will not be written: so many it is to be given back.
    #[must_use]
    pub fn give_back(&mut self, bytes: u64) -> u64 {
        bytes - self.pay(bytes)
    }

    /// The receiver takes more: so many the sender is to be told.
    #[must_use]
    pub fn update(&mut self, bytes: u64) -> u64 {
        self.window = self.window.saturating_add_unsigned(bytes);
        bytes - self.pay(bytes)
    }

    fn pay(&mut self, bytes: u64) -> u64 {
        let paid = bytes.min(self.debt);
        self.debt -= paid;
        paid
    }

    /// The first window of streams has changed.
    pub fn shift(&mut self, by: i64) {
        self.window = self.window.saturating_add(by);
        self.lowered |= by < 0;
    }

    /// How many bytes the receiver takes now.
    pub fn room(&self) -> u64 {
        u64::try_from(self.window).unwrap_or(0)
    }

    /// The sender may send more than the receiver takes, and not be at fault.
    pub fn is_uneven(&self) -> bool {
        self.debt > 0 || self.lowered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_paid_out_of_the_updates() {
        let mut flow = Flow::new(100);
        flow.sent(30);
        assert_eq!((flow.room(), flow.is_uneven()), (70, false));
        flow.put_in(50);
        assert_eq!((flow.room(), flow.is_uneven()), (20, true));
        assert_eq!((flow.update(30), flow.room()), (0, 50));
        assert_eq!((flow.update(30), flow.room(), flow.is_uneven()), (10, 80, false));
        assert_eq!((flow.update(5), flow.room()), (5, 85));
    }

    #[test]
    fn what_is_withheld_is_given_back_once_debts_are_paid() {
        let mut flow = Flow::new(100);
        assert_eq!(flow.give_back(40), 40);
        flow.put_in(30);
        assert_eq!((flow.give_back(20), flow.give_back(20), flow.room()), (0, 10, 70));
    }

    #[test]
    fn a_window_may_fall_below_nothing() {
        let mut flow = Flow::new(100);
        flow.sent(80);
        flow.shift(-50);
        assert_eq!((flow.room(), flow.is_uneven()), (0, true));
        assert_eq!((flow.update(40), flow.room()), (40, 10));
        flow.shift(5);
        assert_eq!(flow.room(), 15);
    }
}
