//! Figures that nobody has to draw: the variants of an enum, and a chain of links as it ran.

use syn::{Fields, Item};

use super::{Box, Frame, Kind};
use crate::places::{Answer, Places};
use crate::snapshot::Snapshot;

/// The variants of an enum as boxes in the first column, each with what it keeps. Arrows call
/// them by their names.
pub(super) fn states(
    places: &Places,
    item: &str,
    columns: usize,
    sizes: &[(String, usize)],
) -> Answer<Vec<Box>> {
    let (path, name) = item.split_once(' ').ok_or("states is \"FILE ENUM\"")?;
    let text = places.read(path)?;
    let file = syn::parse_file(&text).map_err(|error| format!("{path}: {error}"))?;
    let found = file.items.iter().find_map(|item| match item {
        Item::Enum(it) if it.ident == name => Some(it),
        _ => None,
    });
    let found = found.ok_or_else(|| format!("{path} has no enum {name}"))?;
    let boxes = found.variants.iter().enumerate().map(|(row, variant)| {
        let kept = match &variant.fields {
            Fields::Named(fields) => {
                let names = fields.named.iter().filter_map(|it| it.ident.as_ref());
                names.map(ToString::to_string).collect::<Vec<_>>().join(", ")
            }
            Fields::Unnamed(fields) => format!("{} values", fields.unnamed.len()),
            Fields::Unit => "nothing".to_owned(),
        };
        let name = variant.ident.to_string();
        let size = sizes.iter().find(|(of, _)| *of == name);
        let size = size.map(|(_, bytes)| format!(": {bytes} bytes")).unwrap_or_default();
        Box {
            at: [0, row],
            span: [columns.div_ceil(2), 1],
            text: format!("{name}{size}\nkeeps {kept}"),
            kind: Kind::Plain,
            drag: None,
            leads_to: None,
            name,
        }
    });
    Ok(boxes.collect())
}

/// How many bytes each has of those that a run has told: lines of a name and a number.
pub(super) fn sizes(places: &Places, name: &str) -> Answer<Vec<(String, usize)>> {
    let snapshot = Snapshot::read(places, name)?;
    let size = |line: &str| {
        let (name, bytes) = line.trim().split_once(' ')?;
        Some((name.to_owned(), bytes.trim().parse().ok()?))
    };
    let sizes: Vec<_> = snapshot.output.lines().filter_map(size).collect();
    if sizes.is_empty() {
        Err(format!("{name} has no line of a size"))
    } else {
        Ok(sizes)
    }
}

/// A chain that ran: two lanes, a station for each link, and a picture for each stop.
///
/// The snapshot has a line for each link: its kind, its name, what came in and what went out,
/// with two blanks or more between them: `callback  double  Ok(21)  Ok(42)`.
pub(super) fn railway(places: &Places, name: &str) -> Answer<(Vec<Box>, Vec<Frame>)> {
    let snapshot = Snapshot::read(places, name)?;
    let links: Vec<_> = snapshot.output.lines().filter_map(Link::read).collect();
    if links.is_empty() {
        return Err(format!("{name} has no line of a link"));
    }
    let lane = |row, text: &str| cell([0, row], text, Kind::Bare);
    let mut boxes = vec![lane(0, "link"), lane(1, "Ok"), lane(2, "Err")];
    boxes.extend(
        links
            .iter()
            .enumerate()
            .map(|(at, it)| station([at + 1, 0], it.name, Kind::Bare)),
    );
    let frames = links.iter().enumerate().map(|(now, link)| Frame {
        text: link.story(),
        boxes: links.iter().enumerate().flat_map(|(at, it)| it.cells(at, now)).collect(),
        arrows: Vec::new(),
    });
    let frames = frames.collect();
    Ok((boxes, frames))
}

/// A link, as its line tells.
struct Link<'a> {
    kind: &'a str,
    name: &'a str,
    came: &'a str,
    went: &'a str,
}

impl<'a> Link<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let parts: Vec<_> =
            line.split("  ").map(str::trim).filter(|it| !it.is_empty()).collect();
        let [kind, name, came, went] = parts[..] else { return None };
        Some(Self { kind, name, came, went })
    }

    /// On which lane: 1 is `Ok`, 2 is `Err`.
    fn lane(value: &str) -> usize {
        if value.starts_with("Err") { 2 } else { 1 }
    }

    /// The place on each lane: a station where it stands, the result where the train is.
    fn cells(&self, at: usize, now: usize) -> [Box; 2] {
        [1, 2].map(|lane| {
            let stands = match self.kind {
                "callback" => lane == 1,
                "errback" => lane == 2,
                _ => true,
            };
            let is_out = Self::lane(self.went) == lane && at <= now;
            let text = if is_out {
                inside(self.went)
            } else if stands {
                "●"
            } else {
                "–"
            };
            let kind = match (is_out, at == now, stands) {
                (true, true, _) => Kind::Lit,
                (true, false, _) => Kind::Plain,
                (false, _, true) => Kind::Dashed,
                (false, _, false) => Kind::Bare,
            };
            station([at + 1, lane], text, kind)
        })
    }

    fn story(&self) -> String {
        let Self { kind, name, came, went } = self;
        let passes = match *kind {
            "callback" => Self::lane(came) == 2,
            "errback" => Self::lane(came) == 1,
            _ => false,
        };
        if *kind == "both" {
            return format!(
                "`{name}` stands on both lanes: `{came}` comes, `{went}` goes."
            );
        }
        if passes {
            format!("The {kind} `{name}` is passed by: `{came}` goes on.")
        } else {
            format!(
                "The {kind} `{name}` is called with `{came}`, and out comes `{went}`."
            )
        }
    }
}

/// What is in the brackets of `Ok(42)`.
fn inside(value: &str) -> &str {
    let inner = value.split_once('(').and_then(|(_, it)| it.strip_suffix(')'));
    inner.unwrap_or(value)
}

/// A cell of a link: the first link's picture is the first.
fn station(at: [usize; 2], text: &str, kind: Kind) -> Box {
    Box { leads_to: Some(at[0]), ..cell(at, text, kind) }
}

fn cell(at: [usize; 2], text: &str, kind: Kind) -> Box {
    let (name, text) = (String::new(), text.to_owned());
    Box { name, at, span: [1, 1], text, kind, drag: None, leads_to: None }
}
