//! Flags as Go's `flag` reads them: one dash or two, `-x v` or `-x=v`, and its words for what is wrong. It knows no flag by itself.

/// What a flag is followed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing, or `=true` and `=false`.
    Nothing,
    Text,
}

/// Where flags are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Places {
    /// Up to the first word that is none, as Go does.
    InFront,
    /// Between and behind the words as well.
    Anywhere,
}

/// What was found, in the order it was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    flags: Vec<(String, String)>,
    pub words: Vec<String>,
}

/// What Go says where somebody asks for help by a flag that nobody has defined.
pub const HELP_REQUESTED: &str = "flag: help requested";

/// Reads all words. `known` says what a flag of this name takes, if there is one.
pub fn read(words: &[String], places: Places, known: impl Fn(&str) -> Option<Takes>) -> Result<Given, String> {
    let mut given = Given::default();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if word == "--" {
            given.words.extend(rest.cloned());
            break;
        }
        if word == "-" || !word.starts_with('-') {
            given.words.push(word.clone());
            if places == Places::InFront {
                given.words.extend(rest.cloned());
                break;
            }
            continue;
        }
        let bare = word.strip_prefix("--").or(word.strip_prefix('-')).unwrap_or_default();
        let (name, inline) = bare.split_once('=').map_or((bare, None), |(name, value)| (name, Some(value)));
        if name.is_empty() || name.starts_with('-') {
            return Err(format!("bad flag syntax: {word}"));
        }
        let value = match known(name) {
            None if matches!(name, "h" | "help") => return Err(HELP_REQUESTED.to_owned()),
            None => return Err(format!("flag provided but not defined: -{name}")),
            Some(Takes::Nothing) => switch(name, inline)?.to_string(),
            Some(Takes::Text) => match inline {
                Some(value) => value.to_owned(),
                None => rest.next().cloned().ok_or_else(|| format!("flag needs an argument: -{name}"))?,
            },
        };
        given.flags.push((name.to_owned(), value));
    }
    Ok(given)
}

fn switch(name: &str, value: Option<&str>) -> Result<bool, String> {
    match value {
        None | Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
        Some(other) => Err(format!("invalid boolean value {other:?} for -{name}: parse error")),
    }
}

impl Given {
    /// All values of a flag that has these names.
    pub fn all(&self, names: &[&str]) -> impl DoubleEndedIterator<Item = &str> {
        self.flags.iter().filter(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.as_str())
    }

    /// The last of them.
    pub fn text(&self, names: &[&str]) -> Option<&str> {
        self.flags.iter().rfind(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.as_str())
    }

    pub fn is_on(&self, names: &[&str]) -> bool {
        self.text(names) == Some("true")
    }

    pub fn has(&self, name: &str) -> bool {
        self.text(&[name]).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(line: &str, places: Places) -> Result<Given, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        read(&words, places, |name| match name {
            "on" => Some(Takes::Nothing),
            "name" | "n" => Some(Takes::Text),
            _ => None,
        })
    }

    #[test]
    fn as_go_reads_them() {
        let read = given("-n a --name=b=c --on -- -n x", Places::InFront).unwrap();
        assert_eq!(read.all(&["name", "n"]).collect::<Vec<_>>(), ["a", "b=c"]);
        assert_eq!((read.text(&["name", "n"]), read.is_on(&["on"]), read.has("n")), (Some("b=c"), true, true));
        assert_eq!(read.words, ["-n", "x"]);
        assert!(!given("-on=F", Places::InFront).unwrap().is_on(&["on"]));
        assert_eq!(given("-name -on", Places::InFront).unwrap().text(&["name"]), Some("-on"));
        for (line, why) in [
            ("-nope", "flag provided but not defined: -nope"),
            ("-n", "flag needs an argument: -n"),
            ("---x", "bad flag syntax: ---x"),
            ("-=x", "bad flag syntax: -=x"),
            ("-on=x", "invalid boolean value \"x\" for -on: parse error"),
            ("--help", HELP_REQUESTED),
        ] {
            assert_eq!(given(line, Places::InFront).unwrap_err(), why);
        }
    }

    #[test]
    fn in_front_or_anywhere() {
        let front = given("word -n a", Places::InFront).unwrap();
        assert_eq!((front.text(&["n"]), front.words.len()), (None, 3));
        let anywhere = given("word -n a - -on -- -nope", Places::Anywhere).unwrap();
        assert_eq!((anywhere.text(&["n"]), anywhere.is_on(&["on"])), (Some("a"), true));
        assert_eq!(anywhere.words, ["word", "-", "-nope"]);
    }
}
