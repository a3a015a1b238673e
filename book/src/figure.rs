//! `{{#figure NAME}}`: boxes and arrows, drawn from `figures/NAME.toml`.
//!
//! ```toml
//! title = "Two stacks and a switch"
//! words = "Each has a stack of its own. `switch` leaves the one and goes on in the other."
//! columns = 2
//!
//! [[box]]
//! name = "main"
//! at = [0, 0]              # column, row
//! text = "main\nits frames"
//!
//! [[box]]
//! name = "child"
//! at = [1, 0]
//! text = "child\nits frames"
//! kind = "lit"
//!
//! [[arrow]]
//! from = "main"
//! to = "child"
//! text = "switch"
//! ```
//!
//! Boxes and arrows may also stand in a `[[frame]]` with a `text`: then there are several
//! pictures, one after the other, and on a page with scripts a handle goes from one to the next.
//! What has a `drag` can be taken there by itself: it says how many rows below it stands then, or,
//! with a minus, above it in the one before. An arrow from it keeps its tip.
//! What a machine knows, it draws: `states` names an enum, `railway` a recorded chain.
//!
//! A picture has its title, its words for whoever does not see it, and the colours of the page.

mod draw;
mod source;

use std::fmt::Write as _;

use serde::Deserialize;

use crate::html::{escape, inline};
use crate::places::{Answer, Places};

/// A file of a figure.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Figure {
    title: String,
    /// All that the picture says, in Markdown, for whoever does not see it.
    words: String,
    /// How many boxes of width 1 stand side by side.
    columns: usize,
    /// In every frame.
    #[serde(default, rename = "box")]
    boxes: Vec<Box>,
    /// In every frame.
    #[serde(default, rename = "arrow")]
    arrows: Vec<Arrow>,
    #[serde(default, rename = "frame")]
    frames: Vec<Frame>,
    /// An enum whose variants are boxes, one below the other: `FILE ITEM`.
    states: Option<String>,
    /// A snapshot with a line for each variant and its bytes: `FirstAwait  36`.
    sizes: Option<String>,
    /// A snapshot with a line for each link of a chain that was run.
    railway: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame {
    /// What is to be seen in it, in Markdown.
    text: String,
    #[serde(default, rename = "box")]
    boxes: Vec<Box>,
    #[serde(default, rename = "arrow")]
    arrows: Vec<Arrow>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Box {
    /// What arrows call it.
    #[serde(default)]
    name: String,
    /// Column and row of its upper left corner, from 0.
    at: [usize; 2],
    /// Columns and rows that it covers.
    #[serde(default = "one_by_one")]
    span: [usize; 2],
    /// Its lines.
    text: String,
    #[serde(default)]
    kind: Kind,
    /// How many rows further down it stands in the next frame, or up in the one before, if it can be
    /// dragged there.
    drag: Option<i8>,
    /// Which frame, from 1, is shown when somebody clicks on it: known of a chain that ran.
    #[serde(skip)]
    leads_to: Option<usize>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arrow {
    from: String,
    to: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    kind: Kind,
}

/// How something is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Plain,
    /// This is what it is about.
    Lit,
    /// Not there yet, or not for sure.
    Dashed,
    /// Not there any more.
    Gone,
    /// Only its text.
    Bare,
}

fn one_by_one() -> [usize; 2] {
    [1, 1]
}

/// The figure.
///
/// # Errors
///
/// Says what its file lacks, and which arrow leads nowhere.
pub fn expand(places: &Places, name: &str) -> Answer<String> {
    let path = format!("figures/{name}.toml");
    let text = places.read_own(&path)?;
    let mut figure: Figure = toml::from_str(&text).map_err(|error| {
        let line = error.span().map(|span| crate::chapter::line_of(&text, span.start));
        format!("{path}:{}: {}", line.unwrap_or(1), error.message())
    })?;
    let said = |message| format!("{path}: {message}");
    figure.draw_what_is_known(places).map_err(said)?;
    figure.html(name).map_err(said)
}

impl Figure {
    /// Adds what the sources and recordings say.
    fn draw_what_is_known(&mut self, places: &Places) -> Answer<()> {
        if let Some(item) = &self.states {
            let sizes = self.sizes.as_ref().map(|name| source::sizes(places, name));
            let sizes = sizes.transpose()?.unwrap_or_default();
            self.boxes.extend(source::states(places, item, self.columns, &sizes)?);
            let told = sizes.iter().map(|(name, bytes)| format!("{name} {bytes}"));
            let told = told.collect::<Vec<_>>().join(", ");
            if !told.is_empty() {
                self.words = format!("{} In bytes: {told}.", self.words.trim_end());
            }
        }
        if let Some(name) = &self.railway {
            let (boxes, frames) = source::railway(places, name)?;
            self.boxes.extend(boxes);
            self.frames.extend(frames);
        }
        Ok(())
    }

    fn html(&self, name: &str) -> Answer<String> {
        if self.title.trim().is_empty() || self.words.trim().is_empty() {
            return Err(
                "a picture has a title, and words for whoever does not see it".into()
            );
        }
        let mut html = format!(
            "<figure class=\"drawing\" id=\"figure-{name}\">\n<figcaption>{}</figcaption>\n",
            inline(&self.title)
        );
        if self.frames.is_empty() {
            html.push_str(&self.frame(name, 0, &Frame::default())?);
        }
        for (number, frame) in self.frames.iter().enumerate() {
            html.push_str(&self.frame(name, number, frame)?);
        }
        _ = write!(
            html,
            "<details class=\"words\"><summary>In words</summary>\n<p>{}</p></details>\n",
            inline(&self.words)
        );
        Ok(html + "</figure>\n")
    }

    /// One picture: what all have, and what is its own.
    fn frame(&self, name: &str, number: usize, frame: &Frame) -> Answer<String> {
        let boxes: Vec<_> = self.boxes.iter().chain(&frame.boxes).collect();
        let arrows: Vec<_> = self.arrows.iter().chain(&frame.arrows).collect();
        let drawing = draw::svg(self.columns, &boxes, &arrows)?;
        let label = if frame.text.is_empty() { &self.title } else { &frame.text };
        let mut html = format!(
            "<div class=\"frame\">\n<svg viewBox=\"0 0 {} {}\" role=\"img\" \
             aria-label=\"{}\" aria-describedby=\"figure-{name}-{number}\">\n",
            draw::WIDTH,
            drawing.height,
            escape(&plain(label)),
        );
        html.push_str(&drawing.svg);
        let text = inline(&frame.text);
        _ = writeln!(
            html,
            "</svg>\n<p id=\"figure-{name}-{number}\" aria-live=\"polite\">{text}</p>\n</div>"
        );
        Ok(html)
    }
}

/// Markdown without its marks, for an attribute.
fn plain(markdown: &str) -> String {
    markdown.replace(['`', '*'], "")
}
