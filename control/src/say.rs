//! What a verb says to people and to pipes: data on stdout, talk on stderr. A reader that has gone is no error of ours.

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
};

/// How much is said, and in which shape; the same for every verb.
#[derive(Clone, Debug)]
pub struct Say {
    /// Data as JSON.
    pub json: bool,
    /// No talk but errors.
    pub quiet: bool,
    pub verbose: u8,
    pub color: Color,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

impl Say {
    /// One line of data; `false` when nobody reads any more.
    pub fn data(&self, line: impl AsRef<str>) -> bool {
        write(io::stdout().lock(), line.as_ref())
    }

    /// One line of talk, left out with `-q`.
    pub fn talk(&self, line: impl AsRef<str>) {
        if !self.quiet {
            write(io::stderr().lock(), line.as_ref());
        }
    }

    /// An error: said even with `-q`.
    pub fn error(&self, text: impl AsRef<str>) {
        write(io::stderr().lock(), text.as_ref().trim_end());
    }

    /// Whether data is coloured.
    pub fn colored_data(&self) -> bool {
        self.color_on(io::stdout().is_terminal())
    }

    /// Whether talk is coloured.
    pub fn colored(&self) -> bool {
        self.color_on(io::stderr().is_terminal())
    }

    fn color_on(&self, terminal: bool) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }
}

fn write(mut out: impl Write, text: &str) -> bool {
    out.write_all(format!("{text}\n").as_bytes()).and_then(|()| out.flush()).is_ok()
}

/// Rows as columns, two spaces apart; the last cell of a row is as long as it likes.
pub fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows.iter().map(Vec::len).max().unwrap_or(0)).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// What the kernel says, without its number.
pub fn plain(error: impl Display) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// `1 fault`, `2 faults`.
pub fn count(n: usize, noun: &str) -> String {
    match (n, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) if !noun.ends_with("ey") => format!("{n} {stem}ies"),
        _ => format!("{n} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_have_no_tails() {
        let rows = [vec!["A".to_owned(), "BB".to_owned(), "C".to_owned()], vec!["aaa".to_owned(), "b".to_owned()]];
        assert_eq!(columns(&rows), ["A    BB  C", "aaa  b"]);
        assert_eq!(count(1, "proxy"), "1 proxy");
        assert_eq!(count(3, "proxy"), "3 proxies");
        assert_eq!(count(0, "fault"), "0 faults");
    }
}
