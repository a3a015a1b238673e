//! Figures that are read from the source of a program.
//!
//! A program is read as a compiler's lexer reads it, so that nothing inside a comment, a
//! string or a character is counted. Then:
//!
//! - **Code lines** are the lines that hold a part of a token: neither blank ones nor those
//!   with nothing but a comment. `use` and `main` count: they have to be written.
//! - **Nesting** is how many blocks `{ … }` are open at once inside a function, whose own
//!   body is level 1. The braces of `use`, and those of a struct literal or pattern (right
//!   behind a name like `Job`), are no blocks; what surrounds a function (`impl`, `mod`) is
//!   not its nesting.
//! - **Error sites** are the places where a program handles an error: every `?`; every `Err`,
//!   made or matched; every `let Ok`, which means "and otherwise"; every call of a method
//!   whose business is an error ([`ERROR_METHODS`]). A lexer knows no types: an
//!   `unwrap_or` of an `Option` counts as well.

use std::iter::Peekable;
use std::str::CharIndices;

/// Methods (and functions) that are called because something may have gone wrong.
pub const ERROR_METHODS: [&str; 14] = [
    "add_both",
    "add_callbacks",
    "add_errback",
    "catch_unwind",
    "err",
    "is_err",
    "map_err",
    "ok",
    "ok_or",
    "ok_or_else",
    "or_else",
    "trap",
    "unwrap_or",
    "unwrap_or_else",
];

/// What a program's source says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Lines that hold code.
    pub lines: usize,
    /// Blocks that are open at once, at the deepest place.
    pub nesting: usize,
    /// Places that handle an error.
    pub error_sites: usize,
}

impl Figures {
    /// Reads a source text.
    pub fn of(source: &str) -> Self {
        let tokens: Vec<_> = Lexer::new(source).collect();
        Self {
            lines: code_lines(&tokens),
            nesting: nesting(&tokens),
            error_sites: error_sites(&tokens),
        }
    }
}

/// A piece of source, and the lines that it begins and ends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Token<'a> {
    kind: Kind<'a>,
    first_line: usize,
    last_line: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind<'a> {
    /// A name, a keyword or a number.
    Word(&'a str),
    /// A string or a character.
    Literal,
    /// A lifetime or a label.
    Lifetime,
    /// One character of punctuation.
    Mark(char),
}

fn code_lines(tokens: &[Token<'_>]) -> usize {
    let (mut count, mut last) = (0, 0);
    for token in tokens {
        let first = token.first_line.max(last + 1);
        count += (token.last_line + 1).saturating_sub(first);
        last = last.max(token.last_line);
    }
    count
}

fn nesting(tokens: &[Token<'_>]) -> usize {
    let mut braces = Braces::default();
    let deepest = tokens.iter().enumerate().map(|(i, token)| {
        match token.kind {
            Kind::Word("fn") if is_name(tokens.get(i + 1)) => braces.expect(Brace::Block),
            Kind::Word("impl" | "mod" | "trait" | "enum" | "struct" | "use") => {
                braces.expect(Brace::Item);
            }
            Kind::Mark('(' | '[') => braces.brackets += 1,
            Kind::Mark(')' | ']') => braces.brackets = braces.brackets.saturating_sub(1),
            Kind::Mark(';') => braces.end_of_statement(),
            Kind::Mark('{') => braces.open(follows_a_type(tokens, i)),
            Kind::Mark('}') => drop(braces.open.pop()),
            _ => {}
        }
        braces.blocks()
    });
    deepest.max().unwrap_or(0)
}

/// The braces that are open, and what the next one is going to be.
#[derive(Default)]
struct Braces {
    /// Innermost last.
    open: Vec<Brace>,
    /// Said by a keyword, and how many brackets were open then.
    expected: Option<(Brace, usize)>,
    /// Round and square ones that are open.
    brackets: usize,
}

/// What a brace may belong to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Brace {
    /// The body of a function, or a block inside one.
    Block,
    /// An item that is no function, a struct literal, a struct pattern.
    Item,
}

impl Braces {
    /// The first keyword counts: `fn a() -> impl B` is a function.
    fn expect(&mut self, brace: Brace) {
        self.expected.get_or_insert((brace, self.brackets));
    }

    /// `mod a;` has no braces. The semicolon of `[u8; 4]` is none of these.
    fn end_of_statement(&mut self) {
        self.expected.take_if(|(_, brackets)| self.brackets <= *brackets);
    }

    fn open(&mut self, follows_a_type: bool) {
        let brace = match self.expected.take() {
            Some((brace, _)) => brace,
            None if self.blocks() > 0 && !follows_a_type => Brace::Block,
            None => Brace::Item,
        };
        self.open.push(brace);
    }

    fn blocks(&self) -> usize {
        self.open.iter().filter(|brace| **brace == Brace::Block).count()
    }
}

fn error_sites(tokens: &[Token<'_>]) -> usize {
    let word = |i: usize| match tokens.get(i).map(|token| token.kind) {
        Some(Kind::Word(word)) => word,
        _ => "",
    };
    let mark =
        |i: usize, mark| tokens.get(i).is_some_and(|it| it.kind == Kind::Mark(mark));
    let is_site = |i: &usize| match tokens[*i].kind {
        Kind::Mark('?') => word(i + 1) != "Sized",
        Kind::Word("Err") => mark(i + 1, '(') || mark(i + 1, ')'),
        Kind::Word("Ok") => *i > 0 && word(i - 1) == "let",
        Kind::Word(method) => ERROR_METHODS.contains(&method) && mark(i + 1, '('),
        _ => false,
    };
    (0..tokens.len()).filter(is_site).count()
}

fn is_name(token: Option<&Token<'_>>) -> bool {
    token.is_some_and(|token| matches!(token.kind, Kind::Word(_)))
}

/// Whether the token before stands for a type: `Job`, `Self`, but not `ROCKETS`.
fn follows_a_type(tokens: &[Token<'_>], i: usize) -> bool {
    let Some(Kind::Word(word)) = i.checked_sub(1).map(|i| tokens[i].kind) else {
        return false;
    };
    word.starts_with(char::is_uppercase) && word.contains(char::is_lowercase)
}

/// Cuts a source text into tokens; comments and blanks fall on the floor.
struct Lexer<'a> {
    source: &'a str,
    chars: Peekable<CharIndices<'a>>,
    line: usize,
}

impl<'a> Lexer<'a> {
    fn new(source: &'a str) -> Self {
        Self { source, chars: source.char_indices().peekable(), line: 1 }
    }

    fn rest(&mut self) -> &'a str {
        let start = self.chars.peek().map_or(self.source.len(), |(at, _)| *at);
        &self.source[start..]
    }

    /// Steps over that many characters.
    fn skip(&mut self, count: usize) {
        for (_, char) in self.chars.by_ref().take(count) {
            self.line += usize::from(char == '\n');
        }
    }

    fn skip_while(&mut self, wanted: fn(char) -> bool) {
        let count = self.rest().chars().take_while(|char| wanted(*char)).count();
        self.skip(count);
    }

    /// Steps over everything up to and with `end`, or to the end of the text.
    fn skip_past(&mut self, end: &str) {
        let rest = self.rest();
        let until = rest.find(end).map_or(rest.len(), |at| at + end.len());
        self.skip(rest[..until].chars().count());
    }

    fn skip_blanks_and_comments(&mut self) {
        loop {
            let rest = self.rest();
            if rest.starts_with("//") {
                self.skip_while(|char| char != '\n');
            } else if rest.starts_with("/*") {
                self.skip_block_comment();
            } else if rest.starts_with(char::is_whitespace) {
                self.skip_while(char::is_whitespace);
            } else {
                return;
            }
        }
    }

    /// Block comments nest.
    fn skip_block_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            let rest = self.rest();
            if rest.starts_with("/*") {
                depth += 1;
                self.skip(2);
            } else if rest.starts_with("*/") {
                depth -= 1;
                self.skip(2);
            } else {
                self.skip(1);
            }
            if depth == 0 || rest.is_empty() {
                return;
            }
        }
    }

    /// A string with escapes, from its opening quote on.
    fn skip_quoted(&mut self, quote: char) {
        self.skip(1);
        loop {
            match self.rest().chars().next() {
                Some('\\') => self.skip(2),
                Some(char) => {
                    self.skip(1);
                    if char == quote {
                        return;
                    }
                }
                None => return,
            }
        }
    }

    fn token(&mut self) -> Kind<'a> {
        let rest = self.rest();
        if let Some(length) = raw_string_opening(rest) {
            let hashes = rest[..length].matches('#').count();
            self.skip(length);
            self.skip_past(&format!("\"{}", "#".repeat(hashes)));
            return Kind::Literal;
        }
        let prefix = rest.len() - rest.trim_start_matches(['b', 'c']).len();
        match rest[prefix..].chars().next() {
            Some(quote @ '"') if prefix <= 1 => {
                self.skip(prefix);
                self.skip_quoted(quote);
                Kind::Literal
            }
            Some(quote @ '\'') if prefix <= 1 && is_character(&rest[prefix..]) => {
                self.skip(prefix);
                self.skip_quoted(quote);
                Kind::Literal
            }
            _ => self.word_or_mark(rest),
        }
    }

    fn word_or_mark(&mut self, rest: &'a str) -> Kind<'a> {
        let first = rest.chars().next().expect("a token has a character");
        if first == '\'' {
            self.skip(1);
            self.skip_while(is_part_of_a_word);
            return Kind::Lifetime;
        }
        if !is_part_of_a_word(first) {
            self.skip(1);
            return Kind::Mark(first);
        }
        self.skip_while(is_part_of_a_word);
        let end = rest.find(|char| !is_part_of_a_word(char)).unwrap_or(rest.len());
        Kind::Word(&rest[..end])
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blanks_and_comments();
        self.chars.peek()?;
        let first_line = self.line;
        let kind = self.token();
        Some(Token { kind, first_line, last_line: self.line })
    }
}

/// How many characters open a raw string here (`r"`, `br##"`), if one opens.
fn raw_string_opening(rest: &str) -> Option<usize> {
    let after_r = ["r", "br", "cr"].iter().find_map(|prefix| {
        let after = rest.strip_prefix(prefix)?;
        after.starts_with(['"', '#']).then_some(after)
    })?;
    let quote = after_r.trim_start_matches('#').strip_prefix('"')?;
    Some(rest.len() - quote.len())
}

/// Whether a quote opens a character: `'a'` or `'\n'`, where `'a` is a lifetime.
fn is_character(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    match chars.next() {
        Some('\\') => true,
        Some(_) => chars.next() == Some('\''),
        None => false,
    }
}

fn is_part_of_a_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<&str> {
        Lexer::new(source)
            .filter_map(|token| match token.kind {
                Kind::Word(word) => Some(word),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn comments_strings_and_characters_hide_what_they_hold() {
        assert_eq!(words("a // b\nc"), ["a", "c"]);
        assert_eq!(words("a /* b /* c */ d */ e"), ["a", "e"]);
        assert_eq!(words(r#"a "b \" c" d"#), ["a", "d"]);
        assert_eq!(words(r##"a r#"b " c"# br"d" c"e" b"f" g"##), ["a", "g"]);
        assert_eq!(words(r"a 'b' '\'' '{' b'c' d"), ["a", "d"]);
        assert_eq!(words("a: &'static str, 'outer: loop"), ["a", "str", "loop"]);
        assert_eq!(words("r#type bc cb b c r"), ["r", "type", "bc", "cb", "b", "c", "r"]);
        assert_eq!(words("'é' 'x 0..9_u8 ümlaut"), ["0", "9_u8", "ümlaut"]);
    }

    #[test]
    fn what_never_ends_ends_with_the_text() {
        for source in ["/* ", "\"", "r#\"", "'", "'\\", "b'", "/* /* */", "\\", "r#"] {
            Figures::of(source);
        }
    }

    #[test]
    fn blank_lines_and_comments_are_no_code() {
        let source = "//! A crate.\n\nfn a() { // begin\n    /* two\n    lines */\n}\n";
        assert_eq!(Figures::of(source).lines, 2);
        assert_eq!(Figures::of("let a = \"one\n\nthree\"; b\n").lines, 3);
        assert_eq!(Figures::of("").lines, 0);
    }

    #[test]
    fn a_body_is_the_first_level_and_each_block_one_more() {
        let nesting = |source| Figures::of(source).nesting;
        assert_eq!(nesting("use a::{b, c};"), 0);
        assert_eq!(nesting("fn a() {}"), 1);
        assert_eq!(nesting("fn a() { if b { c } else { d } }"), 2);
        assert_eq!(nesting("fn a() { b(move || { c(|| { d }) }) }"), 3);
        assert_eq!(nesting("impl A for B { fn a(&self) -> C { loop {} } }"), 2);
        assert_eq!(nesting("fn a(b: [u8; 4]) -> impl C { d }"), 1);
        assert_eq!(nesting("mod a; fn b() { c(|| { use d::{e}; struct F; { g } }) }"), 3);
        assert_eq!(nesting("mod a { mod b { fn c() {} } }"), 1);
        assert_eq!(nesting("struct A { b: fn(c) -> d } enum E { F { g: h } }"), 0);
        assert_eq!(nesting("fn a() { \"{{{\"; '{'; /* { */ }"), 1);
    }

    #[test]
    fn struct_literals_and_patterns_are_no_blocks() {
        let nesting = |source| Figures::of(source).nesting;
        assert_eq!(nesting("fn a() -> Job { Job { limit, ..Job::new() } }"), 1);
        assert_eq!(nesting("fn a() { let Self { b } = c; Self { b } }"), 1);
        assert_eq!(nesting("fn a() { if let B { c } = d { e } }"), 2);
        assert_eq!(nesting("fn a() { for b in ROCKETS { c } }"), 2);
        assert_eq!(nesting("fn a() { fn b() -> Job { c } }"), 2);
        assert_eq!(nesting("fn a() { impl B for Job { fn c() {} } }"), 2);
    }

    #[test]
    fn an_error_is_handled_where_it_may_arise() {
        let sites = |source| Figures::of(source).error_sites;
        assert_eq!(sites("a()?; b.c()?.d()?"), 3);
        assert_eq!(sites("match a { Ok(b) => c, Err(d) => Err(e) }"), 2);
        assert_eq!(sites("let Ok(a) = b else { return };"), 1);
        assert_eq!(sites("if let Ok(a) = b {}"), 1);
        assert_eq!(sites("a.map_err(b).unwrap_or_else(c).ok()"), 3);
        assert_eq!(sites("a.add_callbacks(b, c).add_errback(d)"), 2);
        assert_eq!(sites("fn a<B: ?Sized>(ok: C) -> Result<D, Error> { Ok(e) }"), 0);
        assert_eq!(sites("a.and_then(Err)"), 1);
    }
}
