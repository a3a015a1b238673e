//! The directives: what a chapter can ask for, and what it gets.

use crate::coverage::Shown;
use crate::item::Piece;
use crate::places::{Answer, Places};
use crate::{
    behaviours, chart, claims, curves, cycle, difference, exercise, figure, growth,
    guess, map, python, quiz, rest, results, rosetta, slides, snapshot, story,
};

/// What somebody asked for, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Directive<'a> {
    /// An item of a source file.
    Item(&'a str, String),
    /// What a stage changes in a file of another.
    Diff(&'a str, &'a str, &'a str),
    /// A program as it grows, from file to file.
    Grow(&'a str, Vec<&'a str>),
    /// What of a file no chapter shows.
    Rest(&'a str),
    /// The same item of the same program in several styles.
    Rosetta(&'a str, String, Vec<&'a str>),
    /// What a command prints.
    Run(&'a str),
    /// A recorded run, or two in step.
    Trace(&'a str, Vec<&'a str>),
    /// A measurement, drawn.
    Chart(&'a str),
    /// `curves NAME.QUESTION`.
    Curves(&'a str),
    /// `claims NAME`.
    Claims(&'a str),
    /// A picture.
    Figure(&'a str),
    /// A number in prose.
    Measure(String),
    /// Questions with answers.
    Quiz(&'a str),
    /// From here on the text answers what the reader was asked.
    Guess,
    /// To here.
    Guessed,
    /// A file of Python, or one function of it.
    Python(&'a str, Option<&'a str>),
    /// Where in the life of a task this chapter is.
    Cycle(&'a str, Vec<&'a str>),
    /// Where in the map this chapter is.
    Map(Vec<&'a str>),
    /// The talk, line by line.
    Slides,
    /// What the ancestors do, group by group, and the tests of it.
    Behaviours(Vec<&'a str>),
    /// The page of an exercise.
    Exercise(&'a str),
}

/// What a directive becomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expanded {
    /// Markdown.
    pub text: String,
    /// What of the source is in it.
    pub shown: Vec<Shown>,
}

impl<'a> Directive<'a> {
    /// Takes the inside of the braces apart.
    ///
    /// # Errors
    ///
    /// Says how it would be written.
    pub fn parse(inner: &'a str) -> Answer<Self> {
        let mut words = inner.split_whitespace();
        let name = words.next().unwrap_or("");
        let arguments: Vec<&str> = words.collect();
        let usage = || usage(name);
        match (name, arguments.as_slice()) {
            ("item", [file, item @ ..]) if !item.is_empty() => {
                Ok(Self::Item(file, item.join(" ")))
            }
            ("diff", [from, to, file]) => Ok(Self::Diff(from, to, file)),
            ("grow", [first, rest @ ..]) if !rest.is_empty() => {
                Ok(Self::Grow(first, rest.to_vec()))
            }
            ("rest", [file]) => Ok(Self::Rest(file)),
            ("guess", []) => Ok(Self::Guess),
            ("guessed", []) => Ok(Self::Guessed),
            ("rosetta", [program, rest @ ..]) => rosetta(program, rest).ok_or_else(usage),
            ("run", [name]) => Ok(Self::Run(name)),
            ("trace", [program, styles @ ..]) if matches!(styles.len(), 1 | 2) => {
                Ok(Self::Trace(program, styles.to_vec()))
            }
            ("chart", [name]) => Ok(Self::Chart(name)),
            ("curves", [name]) => Ok(Self::Curves(name)),
            ("claims", [name]) => Ok(Self::Claims(name)),
            ("figure", [name]) => Ok(Self::Figure(name)),
            ("measure", key) if !key.is_empty() => Ok(Self::Measure(key.join(" "))),
            ("quiz", [name]) => Ok(Self::Quiz(name)),
            ("python", [file]) => Ok(Self::Python(file, None)),
            ("python", [file, function]) => Ok(Self::Python(file, Some(function))),
            ("cycle", [stage, arrows @ ..]) if !arrows.is_empty() => {
                Ok(Self::Cycle(stage, arrows.to_vec()))
            }
            ("map", boxes) if !boxes.is_empty() => Ok(Self::Map(boxes.to_vec())),
            ("slides", []) => Ok(Self::Slides),
            ("behaviours", groups) if !groups.is_empty() => {
                Ok(Self::Behaviours(groups.to_vec()))
            }
            ("exercise", [name]) => Ok(Self::Exercise(name)),
            _ => Err(usage()),
        }
    }

    /// Whether it may stand in the middle of a line.
    pub fn is_inline(&self) -> bool {
        matches!(self, Self::Measure(_))
    }

    /// What it becomes.
    ///
    /// # Errors
    ///
    /// Says what is missing or misspelt.
    pub fn expand(&self, places: &Places) -> Answer<Expanded> {
        let text = match self {
            Self::Item(file, item) => return Ok(shown(&Piece::of(places, file, item)?)),
            Self::Diff(from, to, file) => {
                return difference::expand(places, from, to, file);
            }
            Self::Grow(first, rest) => return growth::expand(places, first, rest),
            Self::Rest(file) => return rest::expand(places, file),
            Self::Guess => guess::OPEN.to_owned(),
            Self::Guessed => guess::CLOSE.to_owned(),
            Self::Rosetta(program, item, styles) => {
                rosetta::expand(places, program, item, styles)?
            }
            Self::Run(name) => snapshot::expand(places, name)?,
            Self::Trace(program, styles) => story::expand(places, program, styles)?,
            Self::Chart(name) => chart::expand(places, name)?,
            Self::Curves(name) => curves::expand(places, name)?,
            Self::Claims(name) => claims::expand(places, name)?,
            Self::Figure(name) => figure::expand(places, name)?,
            Self::Measure(key) => results::expand(places, key)?,
            Self::Quiz(name) => quiz::expand(places, name)?,
            Self::Python(file, function) => python::expand(places, file, *function)?,
            Self::Cycle(stage, arrows) => cycle::expand(places, stage, arrows)?,
            Self::Map(boxes) => map::expand(boxes)?,
            Self::Slides => slides::expand(places)?,
            Self::Behaviours(groups) => behaviours::expand(places, groups)?,
            Self::Exercise(name) => exercise::expand(places, name)?,
        };
        Ok(Expanded { text, shown: Vec::new() })
    }
}

fn shown(piece: &Piece) -> Expanded {
    let shown = Shown { file: piece.path.clone(), lines: piece.lines, is_change: false };
    Expanded { text: piece.figure(), shown: vec![shown] }
}

/// `crawl fetch callbacks deferreds`, `crawl impl Crawl callbacks`: an item may have a
/// keyword before it.
fn rosetta<'a>(program: &'a str, rest: &[&'a str]) -> Option<Directive<'a>> {
    const KEYWORDS: [&str; 5] = ["impl", "fn", "struct", "enum", "trait"];
    let length = if KEYWORDS.contains(rest.first()?) { 2 } else { 1 };
    let (item, styles) = rest.split_at_checked(length)?;
    let is_some = !styles.is_empty();
    is_some.then(|| Directive::Rosetta(program, item.join(" "), styles.to_vec()))
}

fn usage(name: &str) -> String {
    let usage = USAGES.iter().find(|usage| usage.split(' ').next() == Some(name));
    if let Some(usage) = usage {
        return format!("write it as {{{{#{usage}}}}}");
    }
    let names = USAGES.map(|usage| usage.split(' ').next().unwrap_or(usage));
    format!("there is no directive #{name}; there are: {}", names.join(", "))
}

const USAGES: [&str; 21] = [
    "item FILE ITEM",
    "diff STAGE STAGE FILE",
    "grow FILE FILE ...",
    "rest FILE",
    "rosetta PROGRAM ITEM STYLE STYLE ...",
    "run NAME",
    "trace PROGRAM STYLE [STYLE]",
    "chart NAME[.QUESTION]",
    "curves NAME.QUESTION",
    "claims NAME",
    "figure NAME",
    "measure KEY",
    "quiz NAME",
    "guess",
    "guessed",
    "python FILE [FUNCTION]",
    "cycle STAGE ARROW ...",
    "map BOX ...",
    "slides",
    "behaviours GROUP ...",
    "exercise N.M",
];
