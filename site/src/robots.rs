//! `robots.txt`: what the owner of a site does not want to be asked for (RFC 9309).

/// Where it is.
pub(crate) const PATH: &str = "/robots.txt";

/// How much of it is read, in bytes; section 2.5 wants 500 KiB at the least.
pub(crate) const ENOUGH: usize = 512 * 1024;

/// How many redirects are followed to it (section 2.3.1.2).
pub(crate) const REDIRECTS: usize = 5;

/// What it calls us: the product token that a request says.
const US: &str = "lineage";

/// The rules that are for us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rules(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    allows: bool,
    pattern: Vec<u8>,
}

/// Rules, and for whom they are.
#[derive(Default)]
struct Group {
    for_us: bool,
    for_all: bool,
    rules: Vec<Rule>,
}

impl Rules {
    /// What everything may be asked for by.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// What nothing may be asked for by: the rules could not be had.
    pub(crate) fn unknown() -> Self {
        Self(vec![Rule { allows: false, pattern: b"/".to_vec() }])
    }

    /// Reads them. What makes no sense says nothing. The groups for us count, and the groups
    /// for everybody if there are none.
    pub(crate) fn parse(text: &[u8]) -> Self {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let groups = groups(text);
        let of = |is_meant: fn(&Group) -> bool| {
            let meant = groups.iter().filter(|group| is_meant(group));
            meant.flat_map(|group| group.rules.clone()).collect()
        };
        let for_us = groups.iter().any(|group| group.for_us);
        Self(if for_us { of(|group| group.for_us) } else { of(|group| group.for_all) })
    }

    /// Whether a path may be asked for: the longest pattern decides that fits, and of two the
    /// one that allows.
    pub(crate) fn allow(&self, path: &str) -> bool {
        let path = comparable(path.as_bytes());
        let fitting = self.0.iter().filter(|rule| fits(&rule.pattern, &path));
        fitting
            .max_by_key(|rule| (rule.pattern.len(), rule.allows))
            .is_none_or(|it| it.allows)
    }
}

fn groups(text: &[u8]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut is_head = false;
    for line in text.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let line = line.split(|byte| *byte == b'#').next().unwrap_or_default();
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"user-agent") {
            if !is_head {
                groups.push(Group::default());
            }
            is_head = true;
            let group = groups.last_mut().expect("there is one now");
            group.for_us |= product(value).eq_ignore_ascii_case(US.as_bytes());
            group.for_all |= value == b"*";
        } else if let Some(allows) = rule(name) {
            is_head = false;
            let pattern = comparable(value);
            if let (Some(group), false) = (groups.last_mut(), pattern.is_empty()) {
                group.rules.push(Rule { allows, pattern });
            }
        }
    }
    groups
}

fn rule(name: &[u8]) -> Option<bool> {
    let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
    if is("allow") { Some(true) } else { is("disallow").then_some(false) }
}

/// The name of a crawler, without its version.
fn product(value: &[u8]) -> &[u8] {
    let is_part = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_');
    let end = value.iter().position(|byte| !is_part(byte)).unwrap_or(value.len());
    &value[..end]
}

/// A path as it is compared (section 2.2.2): encoded where it has to be, and nowhere else.
fn comparable(path: &[u8]) -> Vec<u8> {
    let (mut told, mut rest) = (Vec::with_capacity(path.len()), path);
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match (byte, encoded(tail)) {
            (b'%', Some(byte)) => {
                rest = &tail[2..];
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    told.push(byte);
                } else {
                    told.extend(format!("%{byte:02X}").bytes());
                }
            }
            (0x21..=0x7e, _) => told.push(*byte),
            _ => told.extend(format!("%{byte:02X}").bytes()),
        }
    }
    told
}

/// The byte that two digits stand for.
fn encoded(after_percent: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(after_percent.get(..2)?).ok()?;
    let is_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digits.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

/// Whether a path begins as a pattern says, where `*` is anything; or is as it says, if that
/// ends with `$`.
fn fits(pattern: &[u8], path: &[u8]) -> bool {
    let (pattern, to_the_end) = match pattern {
        [pattern @ .., b'$'] => (pattern, true),
        pattern => (pattern, false),
    };
    let mut pieces = pattern.split(|byte| *byte == b'*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = path.strip_prefix(first) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return !to_the_end || rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if to_the_end && pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        // The earliest place leaves the most for the other pieces.
        let mut places = rest.windows(piece.len().max(1));
        let place =
            if piece.is_empty() { Some(0) } else { places.position(|it| it == piece) };
        let Some(place) = place else { return false };
        rest = &rest[place + piece.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9309, section 2.5: 500 kibibytes at the least.
    #[test]
    fn enough_is_read_for_the_standard() {
        assert_eq!(ENOUGH, 524_288);
    }

    fn allowed(robots: &str, path: &str) -> bool {
        Rules::parse(robots.as_bytes()).allow(path)
    }

    /// The table of section 2.2.2 and 5.2, and what Google's documentation adds.
    #[test]
    fn a_pattern_is_a_beginning_with_stars() {
        for (pattern, path, expected) in [
            ("/", "/any", true),
            ("/fish", "/fish", true),
            ("/fish", "/fishheads/yummy.html", true),
            ("/fish", "/Fish.asp", false),
            ("/fish", "/catfish", false),
            ("/fish/", "/fish", false),
            ("/fish/", "/fish/?salmon", true),
            ("/*.php", "/folder/any.php.file.html", true),
            ("/*.php", "/windows.PHP", false),
            ("/*.php$", "/filename.php", true),
            ("/*.php$", "/filename.php?parameters", false),
            ("/*.php$", "/a.php.b.php", true),
            ("/fish*.php", "/fishheads/catfish.php?x", true),
            ("/a*b*c", "/a1b2c3", true),
            ("/a*b*c", "/a1c2b3", false),
            ("/a$", "/a", true),
            ("/a$", "/ab", false),
            ("*", "/x", true),
            ("/foo/bar?baz=https://foo.bar", "/foo/bar?baz=https://foo.bar", true),
            ("/foo/bar/ツ", "/foo/bar/%E3%83%84", true),
            ("/foo/bar/%E3%83%84", "/foo/bar/%e3%83%84", true),
            ("/foo/bar/%62%61%7A", "/foo/bar/baz", true),
            ("/a%2Fb", "/a/b", false),
            ("/*ab*ab", "/xxab", false),
            ("/*ab*ab", "/xxabab", true),
        ] {
            let robots = format!("User-agent: *\nDisallow: {pattern}\n");
            assert_eq!(!allowed(&robots, path), expected, "{pattern} and {path}");
        }
    }

    #[test]
    fn the_longest_rule_decides_and_of_two_the_one_that_allows() {
        for (rules, path, expected) in [
            ("allow: /p\ndisallow: /", "/page", true),
            ("allow: /folder\ndisallow: /folder", "/folder/page", true),
            ("allow: /page\ndisallow: /*.htm", "/page.htm", false),
            ("allow: /$\ndisallow: /", "/", true),
            ("allow: /$\ndisallow: /", "/page.htm", false),
            ("disallow:", "/x", true),
            ("", "/x", true),
        ] {
            let robots = format!("user-agent: *\n{rules}\n");
            assert_eq!(allowed(&robots, path), expected, "{rules:?} and {path}");
        }
    }

    #[test]
    fn the_groups_for_us_count_or_else_those_for_everybody() {
        for (robots, expected) in [
            ("User-agent: *\nDisallow: /x", false),
            ("USER-AGENT: Lineage/1.0\r\nDISALLOW : /x # here", false),
            ("User-agent: *\nDisallow: /x\nUser-agent: lineage\nDisallow: /y", true),
            ("User-agent: lineage\nUser-agent: other\nDisallow: /x", false),
            (
                "User-agent: lineage\nDisallow: /y\n\nUser-agent: lineage\nDisallow: /x",
                false,
            ),
            ("User-agent: lineages\nDisallow: /x", true),
            (
                "User-agent: lineage\nSitemap: http://a/\nUser-agent: b\nDisallow: /x",
                false,
            ),
            ("User-agent: lineage\nUser-agent: *\nDisallow: /x", false),
            ("Disallow: /x", true),
            ("\u{feff}User-agent: *\rDisallow: /x", false),
            ("<html>nothing: of the kind</html>", true),
            ("", true),
        ] {
            assert_eq!(allowed(robots, "/x"), expected, "{robots:?}");
        }
        assert!(!Rules::unknown().allow("/x") && Rules::none().allow("/x"));
    }
}
