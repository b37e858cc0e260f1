//! The header blocks of one direction on their way out. They pass as they came while all do, in their order. From the first on that is
//! withheld, changed, or overtaken, each is written anew without the receiver's table, which then no longer matters.

use crate::hpack::Sizes;

#[derive(Debug)]
pub(crate) struct Blocks {
    came: u64,
    /// The next that may pass as it came.
    next: u64,
    rewriting: bool,
    /// Changes of the table that have come and not been passed on, with the number of their block.
    sizes: Vec<(u64, Sizes)>,
    /// How large the receiver believes the table to be.
    table: u32,
    /// The receiver has made it smaller, and waits for the next block to say so: RFC 7541, 4.2.
    demanded: Option<u32>,
}

impl Default for Blocks {
    fn default() -> Blocks {
        Blocks { came: 0, next: 0, rewriting: false, sizes: Vec::new(), table: 4096, demanded: None }
    }
}

impl Blocks {
    /// One more has come; its number.
    pub fn came(&mut self, sizes: Option<Sizes>) -> u64 {
        let number = self.came;
        self.came += 1;
        if let Some(sizes) = sizes {
            match self.sizes.last_mut().filter(|_| self.rewriting) {
                Some((_, before)) => *before = before.then(sizes),
                None => self.sizes.push((number, sizes)),
            }
        }
        number
    }

    /// Whether that block may pass as it came. If not, none does any more.
    pub fn passes(&mut self, number: u64) -> bool {
        if self.rewriting || number != self.next {
            self.rewriting = true;
            return false;
        }
        self.next += 1;
        let own = self.sizes.iter().find(|(block, _)| *block == number).map(|(_, sizes)| *sizes);
        self.says(own);
        self.sizes.retain(|(block, _)| *block > number);
        true
    }

    /// The receiver has been told that its bound of the table is in force.
    pub fn bound(&mut self, table: u32) {
        self.demanded = if table < self.table { Some(table) } else { None };
    }

    fn says(&mut self, sizes: Option<Sizes>) {
        if let Some(sizes) = sizes {
            self.table = sizes.last;
            self.demanded = None;
        }
    }

    /// That block is written as another, or not at all.
    pub fn changed(&mut self) {
        self.rewriting = true;
    }

    /// What a block of our own has to say of the table, since the sender has promised to or the receiver waits for it. Blocks that still
    /// pass as they came say theirs again.
    pub fn sizes(&mut self) -> Option<Sizes> {
        let demanded = self.demanded.map(|table| Sizes { smallest: table, last: table });
        let sizes = demanded.into_iter().chain(self.sizes.iter().map(|(_, sizes)| *sizes)).reduce(Sizes::then);
        if self.rewriting {
            self.sizes.clear();
        }
        self.says(sizes);
        sizes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(smallest: u32, last: u32) -> Sizes {
        Sizes { smallest, last }
    }

    #[test]
    fn in_their_order_they_pass_and_then_no_more() {
        let mut blocks = Blocks::default();
        let numbers: Vec<u64> =
            [None, Some(sizes(0, 9)), None, Some(sizes(5, 5)), Some(sizes(7, 7))].map(|sizes| blocks.came(sizes)).to_vec();
        assert_eq!(numbers, [0, 1, 2, 3, 4]);
        assert!(blocks.passes(0) && blocks.passes(1));
        assert!(!blocks.passes(3), "2 has been overtaken");
        assert_eq!(blocks.sizes(), Some(sizes(5, 7)), "those of 1 have passed");
        assert_eq!(blocks.sizes(), None);
        assert!(!blocks.passes(2) && !blocks.passes(4));
        for size in 0..1000 {
            blocks.came(Some(sizes(1000 - size, size)));
        }
        assert_eq!(blocks.sizes.len(), 1);
        assert_eq!(blocks.sizes(), Some(sizes(1, 999)));
    }

    #[test]
    fn a_smaller_table_is_confirmed_by_whatever_block_comes_first() {
        let mut blocks = Blocks::default();
        blocks.bound(8192);
        assert_eq!(blocks.sizes(), None);
        blocks.bound(100);
        assert_eq!(blocks.sizes(), Some(sizes(100, 100)));
        assert_eq!(blocks.sizes(), None);
        blocks.bound(0);
        let number = blocks.came(Some(sizes(0, 0)));
        assert!(blocks.passes(number));
        assert_eq!(blocks.sizes(), None, "the sender has said it");
        blocks.bound(0);
        assert_eq!(blocks.sizes(), None);
    }
}
