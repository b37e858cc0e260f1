//! Which faults of a plan may fit a request, found without looking at the others: by path, host, method and one header or member of the
//! baggage, as far as their matches name them literally. It never leaves out one that fits; whether one does is for its matcher to say.

use crate::{
    matching::fits::{Mark, Matcher, PathKey, method_bit},
    subject::{Subject, host},
};
use std::{
    collections::{BTreeMap, HashMap, hash_map::DefaultHasher},
    hash::BuildHasherDefault,
};

/// By name, with a hash that is the same in every run. Only the plan puts names in, so nobody can choose ones that collide.
type Named<T> = HashMap<Box<[u8]>, T, BuildHasherDefault<DefaultHasher>>;

#[derive(Debug, Default)]
pub struct Index {
    /// Those that ask for one very path.
    exact: Named<Bucket>,
    /// Those whose paths begin with something literal, sorted by that.
    prefixes: Box<[Prefix]>,
    /// All others.
    rest: Bucket,
    /// What branches point at: by what requests are marked.
    marked: Box<[Marked]>,
    /// What leaves point at: faults in the plan's order, put together by method.
    groups: Box<[Group]>,
    faults: Box<[u32]>,
}

#[derive(Debug)]
struct Prefix {
    text: Box<[u8]>,
    /// The longest other prefix that this one begins with.
    within: Option<u32>,
    bucket: Bucket,
}

/// Faults that ask for the same path.
#[derive(Debug, Default)]
struct Bucket {
    any_host: Branch,
    hosts: Option<Box<Named<Branch>>>,
}

/// Faults that ask for the same host as well.
#[derive(Clone, Copy, Debug, Default)]
struct Branch {
    unmarked: Leaf,
    /// A range of `marked`.
    start: u32,
    end: u32,
}

/// Faults that ask for a value of the same header, or member of the baggage.
#[derive(Debug)]
struct Marked {
    mark: Mark,
    values: Named<Leaf>,
}

/// A range of groups.
#[derive(Clone, Copy, Debug, Default)]
struct Leaf {
    start: u32,
    end: u32,
}

/// Faults that are about the same methods: a range of `faults`.
#[derive(Clone, Copy, Debug)]
struct Group {
    methods: u16,
    start: u32,
    end: u32,
}

/// A host's name longer than any there is; longer ones are not looked up.
const LONGEST_HOST: usize = 255;

/// So many lists are put in order as they are read; more are sorted at once.
const FEW: usize = 8;

impl Index {
    /// The matchers of a plan, in its order; `None` fits all.
    pub fn new<'a>(matchers: impl IntoIterator<Item = Option<&'a Matcher>>) -> Index {
        let mut draft = Draft::default();
        for (fault, matcher) in (0..).zip(matchers) {
            draft.add(fault, matcher);
        }
        draft.freeze()
    }

    /// Those that may fit, each once, in the plan's order.
    pub fn candidates(&self, subject: &dyn Subject) -> Candidates<'_> {
        let mut found = Candidates::default();
        let mut lookup = Lookup { method: method_bit(subject.method()), subject, name: None };
        let path = subject.path();
        if let Some(bucket) = self.exact.get(path) {
            self.search(bucket, &mut lookup, &mut found);
        }
        let mut at = self.longest_prefix(path);
        while let Some(prefix) = at {
            self.search(&prefix.bucket, &mut lookup, &mut found);
            at = prefix.within.and_then(|n| self.prefixes.get(n as usize));
        }
        self.search(&self.rest, &mut lookup, &mut found);
        found.ready();
        found
    }

    /// All that a path begins with stand one within another. The last prefix that is not behind the path begins with the longest of them.
    fn longest_prefix(&self, path: &[u8]) -> Option<&Prefix> {
        let behind = self.prefixes.partition_point(|prefix| *prefix.text <= *path);
        let mut at = self.prefixes.get(behind.checked_sub(1)?)?;
        while !path.starts_with(&at.text) {
            at = self.prefixes.get(at.within? as usize)?;
        }
        Some(at)
    }

    fn search<'a>(&'a self, bucket: &'a Bucket, lookup: &mut Lookup<'_>, found: &mut Candidates<'a>) {
        self.branch(bucket.any_host, lookup, found);
        if let Some(hosts) = &bucket.hosts
            && let Some(branch) = lookup.host().and_then(|host| hosts.get(host))
        {
            self.branch(*branch, lookup, found);
        }
    }

    fn branch<'a>(&'a self, branch: Branch, lookup: &Lookup<'_>, found: &mut Candidates<'a>) {
        self.gather(branch.unmarked, lookup.method, found);
        for marked in self.marked.get(branch.start as usize..branch.end as usize).unwrap_or_default() {
            marked.mark.each_value(lookup.subject, &mut |value| {
                if let Some(leaf) = marked.values.get(value) {
                    self.gather(*leaf, lookup.method, found);
                }
            });
        }
    }

    fn gather<'a>(&'a self, leaf: Leaf, method: u16, found: &mut Candidates<'a>) {
        for group in self.groups.get(leaf.start as usize..leaf.end as usize).unwrap_or_default() {
            if group.methods & method != 0 {
                found.add(self.faults.get(group.start as usize..group.end as usize).unwrap_or_default());
            }
        }
    }

    /// Bytes that it takes, roughly.
    pub fn size(&self) -> usize {
        fn named<T>(all: &Named<T>, inner: impl Fn(&T) -> usize) -> usize {
            all.iter().map(|(name, value)| name.len() + size_of::<(Box<[u8]>, T)>() + inner(value)).sum()
        }
        let bucket = |bucket: &Bucket| bucket.hosts.as_ref().map_or(0, |hosts| named(hosts, |_| 0));
        let prefix = |prefix: &Prefix| prefix.text.len() + size_of::<Prefix>() + bucket(&prefix.bucket);
        let marked = |marked: &Marked| size_of::<Marked>() + named(&marked.values, |_| 0);
        named(&self.exact, bucket)
            + self.prefixes.iter().map(prefix).sum::<usize>()
            + bucket(&self.rest)
            + self.marked.iter().map(marked).sum::<usize>()
            + size_of_val(&*self.groups)
            + size_of_val(&*self.faults)
    }
}

/// What is found out once for a request, the host only if some fault asks for one.
struct Lookup<'s> {
    method: u16,
    subject: &'s dyn Subject,
    name: Option<([u8; LONGEST_HOST], usize)>,
}

impl Lookup<'_> {
    /// In small letters.
    fn host(&mut self) -> Option<&[u8]> {
        let name = match &mut self.name {
            Some(name) => name,
            none => {
                let name = host(self.subject.authority()?);
                let mut small = [0; LONGEST_HOST];
                let room = small.get_mut(..name.len())?;
                room.copy_from_slice(name);
                room.make_ascii_lowercase();
                none.insert((small, name.len()))
            }
        };
        Some(&name.0[..name.1])
    }
}

/// Faults in the plan's order, each once.
#[derive(Debug, Default)]
pub struct Candidates<'a> {
    lists: [&'a [u32]; FEW],
    count: usize,
    /// Lists beyond those few; the same one may come often, as a request may repeat its headers.
    more: Vec<&'a [u32]>,
    /// What stands in all of them, if there are more than a few.
    many: Vec<u32>,
    taken: usize,
}

impl<'a> Candidates<'a> {
    fn add(&mut self, list: &'a [u32]) {
        if self.lists[..self.count].iter().any(|known| std::ptr::eq(*known, list)) {
            return;
        }
        match self.lists.get_mut(self.count) {
            Some(place) => {
                *place = list;
                self.count += 1;
            }
            None => self.more.push(list),
        }
    }

    fn ready(&mut self) {
        if self.more.is_empty() {
            return;
        }
        self.more.sort_unstable_by_key(|list| list.as_ptr());
        self.more.dedup_by_key(|list| list.as_ptr());
        let lists = self.lists[..std::mem::take(&mut self.count)].iter().chain(&self.more);
        self.many = lists.copied().flatten().copied().collect();
        self.many.sort_unstable();
        self.many.dedup();
    }
}

impl Iterator for Candidates<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if let Some(fault) = self.many.get(self.taken) {
            self.taken += 1;
            return Some(*fault as usize);
        }
        let lists = &mut self.lists[..self.count];
        let first = lists.iter().filter_map(|list| list.first()).min().copied()?;
        for list in lists {
            if let Some(rest) = list.strip_prefix(&[first]) {
                *list = rest;
            }
        }
        Some(first as usize)
    }
}

/// An index while it is made.
#[derive(Default)]
struct Draft {
    exact: BTreeMap<Box<[u8]>, Hosts>,
    prefixes: BTreeMap<Box<[u8]>, Hosts>,
}

/// By host, `None` for any.
type Hosts = BTreeMap<Option<Box<[u8]>>, Marks>;
/// By mark and value, `None` for those that ask for none.
type Marks = BTreeMap<Option<Mark>, BTreeMap<Box<[u8]>, Methods>>;
type Methods = BTreeMap<u16, Vec<u32>>;

impl Draft {
    fn add(&mut self, fault: u32, matcher: Option<&Matcher>) {
        let keys = matcher.map(Matcher::keys).unwrap_or_default();
        let short = |names: &Vec<Box<[u8]>>| names.iter().all(|name| name.len() <= LONGEST_HOST);
        let hosts: Vec<Option<Box<[u8]>>> = match keys.hosts.filter(short) {
            Some(names) => names.into_iter().map(Some).collect(),
            None => vec![None],
        };
        let (mark, values) = keys.marked.map_or((None, vec![Box::default()]), |(mark, values)| (Some(mark), values));
        for path in keys.paths {
            let bucket = match path {
                PathKey::Exact(path) => self.exact.entry(path).or_default(),
                PathKey::Prefix(path) => self.prefixes.entry(path).or_default(),
            };
            for host in &hosts {
                let marked = bucket.entry(host.clone()).or_default().entry(mark.clone()).or_default();
                for value in &values {
                    let list = marked.entry(value.clone()).or_default().entry(keys.methods).or_default();
                    // A list of patterns may say the same twice.
                    if list.last() != Some(&fault) {
                        list.push(fault);
                    }
                }
            }
        }
    }

    fn freeze(mut self) -> Index {
        let mut frozen = Frozen::default();
        let rest = self.prefixes.remove(&[][..]).map(|hosts| frozen.bucket(hosts)).unwrap_or_default();
        let exact = self.exact.into_iter().map(|(path, hosts)| (path, frozen.bucket(hosts))).collect();
        let mut prefixes: Vec<Prefix> = Vec::with_capacity(self.prefixes.len());
        for (text, hosts) in self.prefixes {
            // The one before it begins with whatever this one begins with: it is that, or stands within it.
            let mut within = prefixes.len().checked_sub(1);
            while let Some(outer) = within.and_then(|n| prefixes.get(n)).filter(|outer| !text.starts_with(&outer.text)) {
                within = outer.within.map(|n| n as usize);
            }
            prefixes.push(Prefix { text, within: within.map(|n| n as u32), bucket: frozen.bucket(hosts) });
        }
        let (marked, groups, faults) = (frozen.marked.into(), frozen.groups.into(), frozen.faults.into());
        Index { exact, prefixes: prefixes.into(), rest, marked, groups, faults }
    }
}

/// What branches and leaves point at.
#[derive(Default)]
struct Frozen {
    marked: Vec<Marked>,
    groups: Vec<Group>,
    faults: Vec<u32>,
}

impl Frozen {
    fn bucket(&mut self, hosts: Hosts) -> Bucket {
        let mut bucket = Bucket::default();
        for (host, marks) in hosts {
            let branch = self.branch(marks);
            match host {
                None => bucket.any_host = branch,
                Some(host) => {
                    bucket.hosts.get_or_insert_default().insert(host, branch);
                }
            }
        }
        bucket
    }

    fn branch(&mut self, marks: Marks) -> Branch {
        let mut branch = Branch { start: self.marked.len() as u32, ..Branch::default() };
        for (mark, values) in marks {
            let mut leaves = values.into_iter().map(|(value, methods)| (value, self.leaf(methods)));
            match mark {
                None => branch.unmarked = leaves.next().map(|(_, leaf)| leaf).unwrap_or_default(),
                Some(mark) => {
                    let values = leaves.collect();
                    self.marked.push(Marked { mark, values });
                }
            }
        }
        branch.end = self.marked.len() as u32;
        branch
    }

    fn leaf(&mut self, methods: Methods) -> Leaf {
        let first = self.groups.len() as u32;
        for (methods, list) in methods {
            let start = self.faults.len() as u32;
            self.faults.extend(list);
            self.groups.push(Group { methods, start, end: self.faults.len() as u32 });
        }
        Leaf { start: first, end: self.groups.len() as u32 }
    }
}

#[cfg(test)]
mod tests;
